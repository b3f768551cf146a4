"""ONNX files: converting and simplifying, int8 as QDQ."""
