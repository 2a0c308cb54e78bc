"""The Python of each page runs from its top to its end, with small numbers in the place of large ones."""

import re

import numpy as np
import pytest

from tests.docs.pages import PAGES, ROOT, blocks

# On any page: what would take long -> what a test can wait for.
SMALL = {
    "steps_per_epoch=1000": "steps_per_epoch=1",
    "steps_per_epoch=100,": "steps_per_epoch=2,",
    "epochs=300": "epochs=1",
    "epochs=4": "epochs=1",
    "batches(data, 128)": "batches(data, 16)",
    "range(256)": "range(32)",
    "discriminator(latents)": "discriminator(latents, depth=2, units=16)",
    "steps=50_000": "steps=2, log_every=1, checkpoint_every=1, batch_size=8",
    "steps=20_000, log_every=10, checkpoint_every=10": "steps=1, log_every=1, checkpoint_every=1, batch_size=8",
    "samples=1_000": "samples=10",
    '"train": 1_000, "test": 500, "trees": 10': '"train": 20, "test": 20, "trees": 2',
    "np.arange(100)": "np.arange(20)",
}
NUMBER = r"-?\d+\.\d+"
WITH_CODE = [
    page for page in PAGES if page != "README.md" and any(block.why is None for block in blocks(page, "python"))
]


def small(block):
    """The code with small numbers; as it is where the page shows what it prints."""
    code = block.code
    for long, short in SMALL.items() if block.shown is None else ():
        code = code.replace(long, short)
    return code


@pytest.mark.parametrize("page", WITH_CODE)
def test_a_page_runs_and_prints_what_it_shows(page, workplace, eager, capsys):
    names = {"__name__": "my_module"}
    for block in blocks(page, "python"):
        if block.why is not None:
            continue
        exec(compile(small(block), ROOT / page, "exec"), names)
        printed = capsys.readouterr().out
        if block.shown is not None:
            assert re.sub(NUMBER, "", printed) == re.sub(NUMBER, "", block.shown)
            numbers = [np.array(re.findall(NUMBER, text), float) for text in (printed, block.shown)]
            np.testing.assert_allclose(*numbers, atol=0.03)  # boosted trees differ between processors


def test_some_pages_show_what_they_print():
    assert sum(block.shown is not None for page in PAGES for block in blocks(page, "python")) >= 2


def test_code_that_is_not_run_has_a_reason():
    reasons = [block.why for page in PAGES for block in blocks(page, "python") if block.why is not None]
    assert len(reasons) <= 5
    assert all(len(why) > 10 for why in reasons)


def test_every_replacement_is_used():
    text = "".join(block.code for page in WITH_CODE for block in blocks(page, "python"))
    assert [long for long in SMALL if long not in text] == []
