"""The checkpoint that ships with the project, and its model card."""

from pathlib import Path

SHIPPED = Path(__file__).with_name("mobile.safetensors")
"""The checkpoint that comes with the project."""
MODEL_CARD = SHIPPED.with_name("MODEL_CARD.md")
"""What the checkpoint is, how it was made, and what it reaches; ``train.card`` measures it."""
