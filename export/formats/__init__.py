"""One folder for each file format: ``write`` or a module for each delegate, and what it takes to get there."""
