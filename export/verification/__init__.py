"""Whether a saved file does what the float model does: runtimes, metrics, gates."""
