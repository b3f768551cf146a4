"""Core ML packages: converting, compression, several sizes in one, reproducible files."""
