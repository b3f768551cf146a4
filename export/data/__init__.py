"""Inputs and what is true of them: pictures, sigma maps, the exact blur, representative inputs, golden vectors."""
