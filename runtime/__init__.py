"""Runtime: loads exported artefacts and refocuses photographs. NumPy, Pillow and one interpreter."""
