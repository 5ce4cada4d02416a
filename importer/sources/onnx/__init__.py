"""ONNX files: read with limits, checked, and run as a torch module that torch.export sees."""
