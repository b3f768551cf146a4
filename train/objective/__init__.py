"""What the networks are held to: the losses, and one step of the method."""
