"""What the negative controls do wrong, on purpose; ``export.controls`` tries it."""
