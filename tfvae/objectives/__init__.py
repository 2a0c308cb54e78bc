"""The mathematics: a function is an equation. `vae` and `gan` have the losses, `distributions` the likelihoods."""
