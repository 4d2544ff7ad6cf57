"""A trained model as one ONNX file that needs none of this package."""
