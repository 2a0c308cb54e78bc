"""One page about a model: scores, figures, and sliders that move its latents."""
