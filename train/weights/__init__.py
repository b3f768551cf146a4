"""The checkpoint that ships with the project, and its model card."""
