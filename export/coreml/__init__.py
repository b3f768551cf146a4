"""What is done to a Core ML package beyond converting it: compression, several sizes, reproducible files."""
