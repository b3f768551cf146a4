"""What is exported: tables of targets, recipes and settings, and the jobs that follow from them."""
