"""The files that TensorFlow Serving needs for all models of a folder, for Docker Compose and Kubernetes."""
