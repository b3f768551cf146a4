"""TFLite files: converting, int8, and what is done to a file between the converter and the disk."""
