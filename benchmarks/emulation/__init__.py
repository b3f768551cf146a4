"""Saved files and the runtime on another processor's kernels, by user-mode emulation: no root, binfmt or chroot."""
