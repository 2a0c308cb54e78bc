"""A local server of TensorFlow Serving's protocol, for development. Not for production."""
