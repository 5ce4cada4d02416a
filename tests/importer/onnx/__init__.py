"""ONNX files: small graphs against onnxruntime, real files, and hostile ones."""
