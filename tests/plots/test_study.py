import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from tfvae.analysis.settings import confidence_interval
from tfvae.metrics import register_metric
from tfvae.plots.agreement import plot_agreement
from tfvae.plots.study import plot_by_step, plot_by_strength, save_figures
from tfvae.plots.trade_off import plot_trade_off


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    strengths = {"beta_vae": [("parameters.beta", 4), ("parameters.beta", 1)], "factor_vae": [("parameters.gamma", 10)]}
    return [
        {
            "model": model,
            key: value,
            "seed": seed,
            "steps": steps,
            "training_cpu_seconds": 10.0 * steps + seed,
            "reconstruction": rng.uniform(),
            "mig": rng.uniform(),
        }
        for model, each in strengths.items()
        for key, value in each
        for seed in range(3)
        for steps in (4, 8)
    ]


def test_a_metric_that_a_study_registers_is_in_its_figures(rows, own_registrations, tmp_path):
    register_metric("own", needs_factors=False)(lambda codes, rng: {"score": 0.0, "standard_error": 0.0})
    rows = [row | {"own": place / 10} for place, row in enumerate(rows)]
    figure = plot_by_step(rows)
    assert {axes.get_ylabel() for axes in figure.axes} >= {"own"}
    assert tmp_path / "trade_off_own.png" in save_figures(rows, tmp_path)


def test_names_of_scores_do_not_run_into_each_other(rows, own_registrations):
    names = ["the_share_of_latents_that_no_factor_moves", "the_share_of_factors_that_move_no_latent"]
    for name in names:
        register_metric(name, needs_factors=False)(lambda codes, rng: {"score": 0.0, "standard_error": 0.0})
    figure = plot_by_step([row | dict.fromkeys(names, row["mig"]) for row in rows], names)
    FigureCanvasAgg(figure).draw()
    boxes = sorted(
        (axes.yaxis.label.get_window_extent() for axes in figure.axes if axes.get_ylabel()), key=lambda box: box.y0
    )
    assert len(boxes) == 2
    assert boxes[0].y1 < boxes[1].y0


def of(rows, model, score, steps, value):
    return [
        row[score]
        for row in rows
        if row["model"] == model
        and row["steps"] == steps
        and value in (row.get("parameters.beta"), row.get("parameters.gamma"))
    ]


def test_points_are_the_means_at_the_end_of_training_by_strength(rows):
    (axes,) = plot_trade_off(rows, "mig").axes
    beta, factor = axes.containers
    expected = [
        [np.mean(of(rows, "beta_vae", score, 8, value)) for value in (1, 4)] for score in ("reconstruction", "mig")
    ]
    np.testing.assert_allclose(beta[0].get_data(orig=False), expected)
    np.testing.assert_allclose(factor[0].get_data(orig=False)[1], [np.mean(of(rows, "factor_vae", "mig", 8, 10))])
    assert [text.get_text() for text in axes.texts] == ["1", "4"]
    drawn_below = max(artist.zorder for bars in axes.containers for artist in bars.get_children())
    assert all(text.zorder > drawn_below and text.get_path_effects() for text in axes.texts)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["BetaVAE, beta", "FactorVAE"]
    across, up = beta[2]
    for bars, score, axis in ((across, "reconstruction", 0), (up, "mig", 1)):
        runs = of(rows, "beta_vae", score, 8, 1)
        np.testing.assert_allclose(bars.get_segments()[0][:, axis], [min(runs), max(runs)])


def test_bars_are_confidence_intervals_from_four_seeds_on_and_within_the_axes(rows):
    fourth = [row | {"seed": 3, "mig": row["mig"] + 0.5} for row in rows if row["seed"] == 0]
    three, four = plot_by_strength(rows, ["mig"]), plot_by_strength(rows + fourth, ["mig"])
    assert three.get_supxlabel() == "mean and range over 3 seeds"
    assert four.get_supxlabel() == "mean and 95% confidence interval over 4 seeds"
    axes = four.axes[0]
    mean, half = confidence_interval(of(rows + fourth, "beta_vae", "mig", 8, 1))
    (bar,) = axes.containers[0][2][0].get_segments()
    np.testing.assert_allclose(bar[:, 1], [mean - half, mean + half])
    for figure in (three, four, plot_by_step(rows + fourth, ["mig"]), plot_trade_off(rows + fourth, "mig")):
        for chart in figure.axes:
            low, high = chart.get_ylim()
            assert low < chart.dataLim.y0 < chart.dataLim.y1 < high


def test_settings_that_differ_in_several_ways_are_named_in_a_legend_off_the_chart(rows):
    other = {"parameters.warmup_steps": 1_000, "batch_size": 64}
    mixed = [row | (other if row.get("parameters.beta") == 4 else {"batch_size": 32}) for row in rows]
    mixed = [row for row in mixed if row["model"] == "beta_vae"]
    for figure in (plot_by_strength(mixed, ["mig"]), plot_trade_off(mixed, "mig")):
        FigureCanvasAgg(figure).draw()
        (axes,) = figure.axes
        chart, legend = axes.get_window_extent(), axes.get_legend().get_window_extent()
        assert len(axes.get_legend().get_texts()) == 2
        assert legend.y1 <= chart.y0 or legend.y0 >= chart.y1
        assert 0 <= legend.y0 < legend.y1 <= figure.bbox.height
        assert chart.width > 0.7 * figure.bbox.width


def test_lines_are_the_means_over_seeds_at_each_step(rows):
    figure = plot_by_step(rows, ["reconstruction", "mig"])
    assert [axes.get_title() for axes in figure.axes[:2]] == ["BetaVAE", "FactorVAE"]
    weak, strong = figure.axes[2].lines
    assert list(weak.get_xdata()) == [4, 8]
    np.testing.assert_allclose(weak.get_ydata(), [np.mean(of(rows, "beta_vae", "mig", steps, 1)) for steps in (4, 8)])
    assert strong.get_label() == "beta 4"
    across = plot_by_step(rows, ["mig"], by_time=True).axes[0].lines[0]
    np.testing.assert_allclose(across.get_xdata(), [41, 81])
    np.testing.assert_array_equal(across.get_ydata(), weak.get_ydata())
    assert figure.axes[2].get_ylim() == figure.axes[3].get_ylim()
    assert figure.axes[2].get_ylim()[1] > max(row["mig"] for row in rows)


def test_the_legend_fits_below_the_charts(rows):
    names = ["short", "a discriminator of six layers of a thousand units, and a learning rate of 0.0002"]
    named = [row | {"model": "vae", "data": names[place % 2]} for place, row in enumerate(rows)]
    figure = plot_by_step(named, ["mig"])
    FigureCanvasAgg(figure).draw()
    box = figure.axes[0].get_legend().get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.width
    assert 0 <= box.y0 < box.y1 < figure.axes[0].get_window_extent().y0


def test_every_run_is_a_dot_next_to_the_mean_of_its_setting(rows):
    axes = plot_by_strength(rows, ["mig"]).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "4"]
    dots = [line.get_ydata() for line in axes.lines if line.get_marker() == "."]
    assert [list(each) for each in dots] == [of(rows, "beta_vae", "mig", 8, value) for value in (1, 4)]


def test_all_figures_that_the_table_has_numbers_for_are_written(rows, tmp_path):
    names = [path.stem for path in save_figures(rows, tmp_path)]
    assert names == ["scores_by_strength", "scores_by_step", "scores_by_time", "trade_off_mig"]
    last = [{key: value for key, value in row.items() if key != "reconstruction"} for row in rows if row["steps"] == 8]
    assert [path.stem for path in save_figures(last, tmp_path / "new")] == ["scores_by_strength"]
    with pytest.raises(ValueError, match=r"'reconstruction' and 'mig'\. Received: none with both"):
        plot_trade_off(last, "mig")
    assert save_figures([{key: value for key, value in row.items() if key != "mig"} for row in last], tmp_path) == []


def test_metrics_are_compared_over_the_ends_of_three_or_more_runs(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("tfvae.plots.study.plot_agreement", lambda found: drawn.append(found) or plot_agreement(found))
    ends = [(0.1, 0.3), (0.2, 0.1), (0.4, 0.4)]
    rows = [
        {"run": f"run {seed}", "model": "vae", "seed": seed, "steps": steps, "mig": mig, "sap": sap, "dci": 0.5}
        for seed, (mig, sap) in enumerate(ends)
        for steps, mig, sap in ((8, mig, sap), (4, 0.9, 0.0))
    ]
    assert "agreement" in [path.stem for path in save_figures(rows, tmp_path)]
    (found,) = drawn
    assert (found.metrics, found.runs) == (("mig", "sap"), 3)
    assert found.coefficients["spearman"][0, 1] == pytest.approx(0.5)
    two = [row for row in rows if row["seed"] < 2]
    one = [{key: value for key, value in row.items() if key != "sap"} for row in rows]
    for fewer in (two, one):
        assert "agreement" not in [path.stem for path in save_figures(fewer, tmp_path)]


def test_a_model_without_a_score_is_skipped_and_the_others_are_drawn(rows, tmp_path):
    rows = [row | ({"reconstruction": None} if row["model"] == "factor_vae" else {}) for row in rows]
    names = [path.stem for path in save_figures(rows, tmp_path)]
    assert names == ["scores_by_strength", "scores_by_step", "scores_by_time", "trade_off_mig"]
    for figure in (plot_by_step(rows, ["mig", "reconstruction"]), plot_by_strength(rows, ["mig", "reconstruction"])):
        drawn, skipped = figure.axes[2:]
        assert [text.get_text() for text in skipped.texts] == ["skipped: no scores"]
        assert not skipped.lines
        assert drawn.lines
    trade_off = plot_trade_off(rows, "mig")
    assert [text.get_text() for text in trade_off.axes[0].get_legend().get_texts()] == ["BetaVAE, beta"]
    assert trade_off.get_supxlabel().endswith("; skipped: FactorVAE")
    with pytest.raises(ValueError, match="Expected rows with 'sap'"):
        plot_by_step(rows, ["sap"])


def test_a_setting_without_a_score_leaves_its_place_empty(rows):
    for row in rows:
        row["mig"] = None if row.get("parameters.beta") == 1 else row["mig"]
    axes = plot_by_strength(rows, ["mig"]).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "4"]
    (dots,) = [line for line in axes.lines if line.get_marker() == "."]
    assert list(dots.get_xdata()) == [1.12] * 3
