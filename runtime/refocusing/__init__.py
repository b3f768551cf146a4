"""From a photograph and a tap to the refocused picture: maps, optics, tiles, and the three graphs in their order."""
