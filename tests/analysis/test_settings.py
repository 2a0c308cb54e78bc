import numpy as np
import pytest
from scipy import stats

from tfvae.analysis.settings import by_model, confidence_interval


def row(model, seed, steps=8, mig=0.5, **keys):
    return {"model": model, "seed": seed, "steps": steps, "mig": mig, **keys}


def test_an_interval_is_that_of_scipy_and_covers_the_mean_at_its_level():
    values = np.random.default_rng(0).normal(3, 2, (4_000, 5))
    covered = 0
    for each in values:
        mean, half = confidence_interval(each)
        covered += abs(mean - 3) <= half
    # 95% of 4,000 within three standard errors, 1.03%.
    assert covered / len(values) == pytest.approx(0.95, abs=0.0104)
    low, high = stats.t.interval(0.95, 4, loc=values[0].mean(), scale=stats.sem(values[0]))
    mean, half = confidence_interval(values[0])
    np.testing.assert_allclose([mean - half, mean + half], [low, high])
    assert confidence_interval([2.0]) == (2.0, 0.0)


def test_settings_are_groups_of_runs_that_differ_only_in_seeds_and_steps():
    key = {"parameters.beta": 4.0}
    rows = [row("beta_vae", seed, steps, seed + steps, **key) for seed in (0, 1) for steps in (4, 8)]
    rows += [row("beta_vae", 0, **{"parameters.beta": 1}), row("vae", 0, **{"parameters.beta": None})]
    models = by_model(rows)
    assert list(models) == ["beta_vae", "vae"]
    first, second = models["beta_vae"]
    assert [setting.label for setting in (first, second, *models["vae"])] == ["beta 1", "beta 4", ""]
    assert (second.strength, models["vae"][0].strength) == (4.0, None)
    assert second.steps("mig") == [4, 8]
    assert second.interval("mig", 8) == confidence_interval([8, 9])


def test_settings_that_differ_in_more_than_a_number_have_no_strength():
    rows = [row("vae", 0, data="dsprites", latent_dim=size) for size in (3, 2)] + [
        row("vae", 0, data="shapes3d", latent_dim=2)
    ]
    settings = by_model(rows)["vae"]
    assert [setting.label for setting in settings] == [
        "data dsprites, latent dim 3",
        "data dsprites, latent dim 2",
        "data shapes3d, latent dim 2",
    ]
    assert {setting.strength for setting in settings} == {None}
    with pytest.raises(ValueError, match="rows of a study's table"):
        by_model([])


def test_labels_leave_out_what_most_settings_share():
    base = {"batch_size": 128, "optimizers.optimizer.learning_rate": 1e-4}
    changed = [{}, {"batch_size": 64}, {"optimizers.optimizer.learning_rate": 2e-4}, {"parameters.warmup_steps": 1000}]
    settings = by_model([row("factor_vae", seed, **base | each) for each in changed for seed in (0, 1)])["factor_vae"]
    labels = [setting.label for setting in settings]
    assert labels == ["base", "batch size 64", "optimizer learning rate 0.0002", "warmup steps 1000"]
    assert [len(setting.rows) for setting in settings] == [2] * 4
    # If no setting has all usual values, each label has all values.
    assert (
        by_model([row("factor_vae", 0, **base | each) for each in changed[1:]])["factor_vae"][0].label.count(",") == 2
    )
