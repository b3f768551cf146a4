"""Figures, tables and pictures of what was trained."""
