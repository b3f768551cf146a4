"""How an export runs: processes of their own, a cache, interrupts, progress, the folder, the signature."""
