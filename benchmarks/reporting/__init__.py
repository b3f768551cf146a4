"""From rows to a page and Markdown: tables, plots, and the comparison with a baseline."""
