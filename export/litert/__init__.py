"""What is done to a TFLite file between the converter and the disk, one step a file."""
