"""`python -m tfvae` is the console command `tfvae`, for where scripts are not on the path."""

from tfvae.cli import main

main()
