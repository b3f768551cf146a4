"""The checkpoint that ships with the project, and its model card."""

from pathlib import Path

SHIPPED = Path(__file__).with_name("mobile.safetensors")
"""The checkpoint that comes with the project."""
