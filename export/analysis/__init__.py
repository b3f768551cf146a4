"""What a saved file holds, operator by operator: what takes it whole, and what may keep it off a processor."""
