"""Charts draw the numbers that they are given."""

import re
import sys
import xml.etree.ElementTree as ET

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_hex

from tests.metrics.reference import grid
from tfvae.analysis.aggregate_posterior import marginals
from tfvae.analysis.agreement import agreement
from tfvae.analysis.batch_total_correlation import BatchEstimate
from tfvae.analysis.sensitivity import Sensitivity
from tfvae.codes import Codes
from tfvae.plots import tiles
from tfvae.plots.agreement import plot_agreement
from tfvae.plots.axes import svg
from tfvae.plots.batch_total_correlation import plot_batch_total_correlation
from tfvae.plots.curves import plot_curves
from tfvae.plots.marginals import plot_marginals
from tfvae.plots.samples import plot_samples, prior_samples
from tfvae.plots.sensitivity import plot_sensitivity

STEPS = np.array([100, 200, 300])


def run(values, steps=STEPS, tag="kl"):
    return {tag: (steps, np.array(values, float))}


def visible(figure):
    return [axes for axes in figure.axes if axes.get_visible()]


def test_curves_are_means_over_seeds_at_common_steps():
    other = run([5.0, 3.0, 9.0], np.array([200, 300, 400]))
    figure = plot_curves({"gamma 1": [run([1.0, 1.0, 2.0]), other], "gamma 9": [run([0.0, 1.0, 4.0])]}, ["kl"])
    first, second = figure.axes[0].lines
    assert first.get_xdata().tolist() == [200, 300]
    assert first.get_ydata().tolist() == [3.0, 2.5]
    assert second.get_ydata().tolist() == [0, 1, 4]
    (band,) = figure.axes[0].collections
    np.testing.assert_allclose(band.get_paths()[0].vertices[:, 1].max(), 3 + 2 * np.sqrt(2))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["gamma 1", "gamma 9"]
    assert to_hex(first.get_color()) != to_hex(second.get_color())


@pytest.mark.parametrize("values", [[0.5, 0.6, 0.7], [0.2, 0.5, 1.0]])
def test_the_accuracy_s_axis_shows_the_whole_curve_and_at_least_the_half_from_chance_to_perfect(values):
    figure = plot_curves({"a": [{"discriminator_accuracy": (STEPS, np.array(values))}]}, ["discriminator_accuracy"])
    low, high = figure.axes[0].get_ylim()
    assert low <= 0.45
    assert low < min(values)
    assert high == 1


def test_the_legend_is_off_the_charts_and_names_settings_that_lack_the_first_curve():
    figure = plot_curves({"a": [run([1, 2, 3])], "b": [{"tc": (STEPS, STEPS)}]}, ["kl", "tc"])
    tiles.rendered(figure)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]
    box = figure.legends[0].get_window_extent()
    assert 0 <= box.y0 < box.y1 <= min(axes.get_tightbbox().y0 for axes in visible(figure))


def test_the_error_names_a_curve_that_no_run_has():
    with pytest.raises(ValueError, match=r"the curve 'tc'. Received: \['kl'\]"):
        plot_curves({"a": [run([1, 2, 3])]}, ["tc"])
    figure = plot_curves({"a": [dict.fromkeys("abcde", (STEPS, STEPS))]}, list("abcde"))
    assert [axes.get_title() for axes in visible(figure)] == list("abcde")


def test_batch_histograms_count_all_draws_and_name_the_estimate():
    rng = np.random.default_rng(0)
    estimate = BatchEstimate(rng.normal(-30, 20, 5_000), rng.normal(-9, 1, 5_000))
    figure = plot_batch_total_correlation({"beta 4": estimate})
    top, bottom = figure.axes
    for axes, values in ((top, estimate.log_q), (bottom, estimate.log_product)):
        assert sum(bar.get_height() for bar in axes.patches) == 5_000
        assert axes.lines[0].get_xdata()[0] == pytest.approx(values.mean())
    assert f"{estimate.total_correlation:.2f} nats" in top.get_title()
    # One axis for both: the first bin holds what lies below the lowest half percent.
    assert top.patches[0].get_x() == bottom.patches[0].get_x() == pytest.approx(np.quantile(estimate.log_q, 0.005))


def test_marginals_are_sorted_by_information_and_drawn_with_the_prior():
    mean = np.random.default_rng(0).normal(size=(400, 3)) * [0.5, 2.0, 0.0] + [0, 0, 3]
    log_variance = np.tile([-0.1, -3.0, 0.0], (400, 1))
    found = marginals(Codes.from_arrays(grid((400, 1)), mean, log_variance), np.random.default_rng(1))
    axes = visible(plot_marginals(found))
    assert [each.get_title().split()[0] for each in axes] == ["z1", "z0", "z2"]
    assert to_hex(axes[2].title.get_color()) == tiles.FAINT
    density, prior = axes[0].lines
    np.testing.assert_array_equal(density.get_ydata(), found.density[1])
    np.testing.assert_array_equal(prior.get_ydata(), found.prior)
    np.testing.assert_allclose([bar.get_height() for bar in axes[0].patches], found.histogram[1])


def test_sensitivity_draws_means_with_one_standard_deviation():
    scores = np.random.default_rng(0).uniform(0.6, 0.9, (2, 3, 5))
    figure = plot_sensitivity([Sensitivity("some", ("batch", "votes"), ((20, 50), (100, 800, 1_600)), scores)])
    (axes,) = figure.axes
    for row, container in enumerate(axes.containers):
        line, _, (bars,) = container.lines
        np.testing.assert_allclose(line.get_ydata(), scores[row].mean(axis=-1))
        heights = [np.ptp(segment[:, 1]) for segment in bars.get_segments()]
        np.testing.assert_allclose(heights, 2 * scores[row].std(axis=-1, ddof=1))
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["100", "800", "1,600"]


def test_agreement_prints_each_coefficient_and_greys_those_that_are_not_significant():
    table = {"one": [1, 2, 3, 4, 5.0], "two": [1, 2, 3, 5, 4.0], "three": [2, 1, 5, 1.5, 3]}
    found = agreement(table)
    figure = plot_agreement(found)
    for axes, kind in zip(figure.axes, ("pearson", "kendall", "spearman"), strict=True):
        shown = {tuple(map(int, text.get_position())): text for text in axes.texts}
        for (row, column), value in np.ndenumerate(found.coefficients[kind]):
            assert shown[column, row].get_text() == f"{value:.2f}"
            certain = row == column or found.p_values[kind][row, column] < 0.05
            assert (to_hex(shown[column, row].get_color()) == "#202020") == certain


def test_samples_are_decoded_from_draws_of_the_prior_and_each_is_in_its_place():
    weights = np.random.default_rng(0).normal(size=(3, 24))

    def decode(z):
        return (1 / (1 + np.exp(-z @ weights))).reshape(-1, 4, 6, 1)

    images = prior_samples(decode, 3, np.random.default_rng(1), number=6)
    z = np.random.default_rng(1).standard_normal((6, 3), np.float32)
    np.testing.assert_allclose(images, decode(z), rtol=1e-5)
    drawn = tiles.rendered(plot_samples(images, columns=4, scale=2))
    # Margins of 10, gaps of 2: the sixth is in the second row and column.
    tile = drawn[20:28, 24:36]
    np.testing.assert_array_equal(tile, tiles.pixels(images[5], 2))
    assert drawn.shape == (20 + 2 * 8 + 2, 20 + 4 * 12 + 3 * 2, 3)


def test_svg_is_well_formed_with_its_own_identifiers_and_the_colour_of_the_page():
    figure = plot_curves({"a": [run([1, 2, 3])]}, ["kl"])
    pictures = [svg(figure, name) for name in ("first", "second")]
    identifiers = []
    for name, text in zip(("first", "second"), pictures, strict=True):
        root = ET.fromstring(text)
        assert "width" not in root.attrib
        found = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
        used = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', text)
        assert {a or b for a, b in used} <= set(found)
        # Each clip is a rectangle with a size: without one, nothing in it would show.
        clips = [element for element in root.iter() if element.tag.endswith("clipPath")]
        assert clips
        assert all(float(rectangle.attrib["width"]) > 0 for clip in clips for rectangle in clip)
        assert all(identifier.startswith(f"{name}-") for identifier in found)
        assert "currentColor" in text
        assert tiles.INK not in text
        identifiers += found
    assert len(identifiers) == len(set(identifiers))
    assert svg(figure, "first") == pictures[0]


def test_drawing_changes_no_global_state_of_matplotlib():
    def state():
        # Reading the backend would choose one.
        settings = {name: matplotlib.rcParams[name] for name in matplotlib.rcParams if not name.startswith("backend")}
        return matplotlib.get_backend(auto_select=False), settings, "matplotlib.pyplot" in sys.modules

    before = state()
    svg(plot_curves({"a": [run([1, 2, 3])]}, ["kl"]), "a")
    assert state() == before
