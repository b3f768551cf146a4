"""Files broken on purpose, which the ordinary check must turn away."""
