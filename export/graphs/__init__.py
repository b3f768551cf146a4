"""The graphs that are exported, and how a photograph gets to them."""
