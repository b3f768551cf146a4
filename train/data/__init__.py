"""Training data: photographs, synthetic defocus scenes and misaligned pairs."""
