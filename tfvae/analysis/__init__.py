"""What the paper reports beside the scores: total correlation, evidence, marginals, sensitivity and agreement."""
