"""The parts of report.html, one a file; ``export.report`` puts them together."""
