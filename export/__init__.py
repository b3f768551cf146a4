"""Export: quantise, convert and verify the three graphs for Core ML, TFLite, ExecuTorch and ONNX."""
