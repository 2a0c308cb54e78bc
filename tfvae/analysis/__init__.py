"""What the paper reports in addition to scores: total correlation, evidence, marginals, sensitivity, agreement."""
