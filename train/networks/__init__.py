"""Network definitions, one per file."""
