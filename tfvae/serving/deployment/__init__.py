"""What TensorFlow Serving needs for all models of a folder: its configuration, Docker Compose and Kubernetes."""
