"""What the commands of this folder measure, apart from their arguments, which are read before torch is loaded."""
