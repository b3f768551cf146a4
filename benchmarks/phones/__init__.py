"""The benchmark mode of the demo applications, driven from a computer by a cable."""
