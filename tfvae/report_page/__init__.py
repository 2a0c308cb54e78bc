"""The page that `tfvae.report` writes: its template, style and scripts, and the images in it."""
