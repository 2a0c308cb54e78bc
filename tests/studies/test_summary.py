import numpy as np
import pytest

from tfvae.analysis.settings import confidence_interval
from tfvae.studies.summary import over_training, summary


def row(seed, mig, beta, steps=200, **keys):
    scores = {
        "mig": mig,
        "mig.standard_error": 0.02,
        "reconstruction": 80.0 + seed,
        "reconstruction.standard_error": 1.5,
    }
    times = {"training_seconds": 50.0, "training_cpu_seconds": 20.0 + seed}
    return {
        "model": "beta_vae",
        "seed": seed,
        "steps": steps,
        "parameters.beta": beta,
        "kl": 12.25,
        **scores,
        **times,
        **keys,
    }


def test_a_line_is_a_setting_at_its_last_step():
    rows = [row(0, 0.1, 1, steps=100), row(0, 0.2, 1), row(1, 0.4, 1), row(0, 0.5, 4)]
    table = summary(rows)
    assert table.columns == [
        "model", "setting", "seeds", "steps", "mig", "reconstruction, nats", "KL, nats", "CPU ms a step"
    ]  # fmt: skip
    mean, half = confidence_interval([0.2, 0.4])
    several, one = table.rows
    assert several[:5] == ["beta_vae", "beta 1", 2, 200, f"{mean:.3f} +- {half:.3f}"]
    assert several[-1] == pytest.approx(1e3 * np.mean([20.0, 21.0]) / 200)
    # One seed has the standard errors of its scores; the KL has none.
    assert one[:7] == ["beta_vae", "beta 4", 1, 200, "0.500 +- 0.020", "80.0 +- 1.5", "12.2"]


def test_a_score_that_was_skipped_is_an_empty_cell():
    table = summary([row(0, None, 1, **{"mig.standard_error": None})])
    assert table.rows[0][4] is None
    assert "| beta_vae |  | 1 | 200 |  | 80.0 +- 1.5 | 12.2 | 100 |" in table.to_markdown()


def test_a_line_over_training_is_a_setting_at_a_step():
    rows = [row(0, 0.1, 1, steps=100), row(1, 0.3, 1, steps=100), row(0, 0.2, 1), row(0, 0.5, 4)]
    table = over_training(rows)
    assert table.columns == ["setting", "seeds", "steps", "CPU s", "mig", "reconstruction, nats", "KL, nats"]
    mean, half = confidence_interval([0.1, 0.3])
    assert [line[:5] for line in table.rows] == [
        ["beta_vae beta 1", 2, 100, 20.5, f"{mean:.3f} +- {half:.3f}"],
        ["beta_vae beta 1", 1, 200, 20.0, "0.200 +- 0.020"],
        ["beta_vae beta 4", 1, 200, 20.0, "0.500 +- 0.020"],
    ]
    assert over_training(rows[2:]) is None
