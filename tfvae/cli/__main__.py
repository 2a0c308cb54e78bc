"""`python -m tfvae.cli` is `python -m tfvae`."""

from tfvae.cli import main

main()
