"""The manifest of an export: its records, their JSON, its golden vectors and its signature."""
