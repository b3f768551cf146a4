"""Photographs as files: pixels, orientation, EXIF, colour profile, 16-bit PNG."""
