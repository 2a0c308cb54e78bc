import numpy as np
import pytest

from tfvae.analysis.extremes import extremes
from tfvae.analysis.nearest import nearest
from tfvae.codes import Codes
from tfvae.data import ImageData
from tfvae.plots.neighbours import plot_extremes, plot_nearest
from tfvae.plots.tiles import rendered

# Each image has a grey level of its own, by which it is found in a figure.
LEVELS = np.arange(20, 240, 11, dtype=np.uint8)
DATA = ImageData("levels", np.tile(LEVELS[:, None, None, None], (1, 64, 64, 1)))
MEAN = np.column_stack([LEVELS * 1.0, -(LEVELS.astype(float) ** 2)])


def levels(figure, y):
    """The grey levels of the tiles that a line crosses, from left to right."""
    line = rendered(figure)[y].astype(int)
    runs = [line[start] for start in np.flatnonzero((np.diff(line, axis=0) == 0).all(axis=1))]
    grey = [int(run[0]) for run in runs if run[0] == run[1] == run[2] and run[0] < 250]
    return [level for level, before in zip(grey, [None, *grey], strict=False) if level != before and level in LEVELS]


def test_both_ends_are_drawn_in_ascending_order():
    found = extremes(Codes.from_arrays(DATA, MEAN), count=2)
    figure = plot_extremes(DATA, found)
    assert levels(figure, 24 + 50) == [*LEVELS[:2], *LEVELS[-2:]]
    assert levels(figure, 24 + 66 + 50) == [*LEVELS[:-3:-1], *LEVELS[1::-1]]
    texts = [text.get_text() for text in figure.texts]
    assert texts == ["latent", "lowest", "highest", "z0", "z1"]
    # The lowest image of the left tiles, and the highest of the right ones.
    across = [text.get_position()[0] * rendered(figure).shape[1] for text in figure.texts[1:3]]
    assert across == pytest.approx([110 + 32, 110 + 2 * 66 + 24 + 66 + 32])


def test_information_labels_the_rows():
    codes = Codes.from_arrays(DATA, MEAN / [1, 1000], np.zeros((len(LEVELS), 2)))
    found = extremes(codes, count=1)
    texts = [text.get_text() for text in plot_extremes(DATA, found).texts]
    assert texts[0] == "latent, in nats"
    assert texts[3:] == [f"z{k}   {nats:.2f}" for k, nats in zip(found.latents, found.information, strict=True)]


def test_neighbours_are_drawn_next_to_their_image():
    found = nearest(Codes.from_arrays(DATA, MEAN[:, :1]), [0, 10], count=2)
    figure = plot_nearest(DATA, found)
    assert levels(figure, 24 + 50) == LEVELS[[0, 1, 2]].tolist()
    assert levels(figure, 24 + 66 + 50) == LEVELS[[10, 9, 11]].tolist()
    across = [text.get_position()[0] * rendered(figure).shape[1] for text in figure.texts[1:3]]
    assert across == pytest.approx([10 + 32, 10 + 66 + 24 + 32])


def test_vectors_cannot_be_drawn():
    vectors = ImageData("table", MEAN)
    codes = Codes.from_arrays(vectors, MEAN)
    with pytest.raises(ValueError, match="Expected images of 1 or 3 channels"):
        plot_extremes(vectors, extremes(codes))
    with pytest.raises(ValueError, match="Expected images of 1 or 3 channels"):
        plot_nearest(vectors, nearest(codes, [0]))
