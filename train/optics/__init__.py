"""Blur as a lens makes it: the exact spatially varying blur, and isotropic kernels at every pixel."""
