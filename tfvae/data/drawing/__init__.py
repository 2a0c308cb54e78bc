"""What the drawn data sets are made with: rays, triangles, and a face model."""
