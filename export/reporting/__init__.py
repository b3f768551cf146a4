"""What was found, for people: the page, the tables, the schema of the manifest."""
