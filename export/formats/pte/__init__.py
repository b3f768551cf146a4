"""ExecuTorch files, one module for each delegate."""
