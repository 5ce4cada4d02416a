"""The reader of an ONNX file, with limits, and the checks of its contents."""
