"""One artefact after the other: what they share, making and checking one, and three of them as a pipeline."""
