"""Benchmarks of what `make export` wrote."""
