import inspect
import re

import pytest

from tfvae import zoo
from tfvae.data import DATASETS
from tfvae.models import MODELS
from tfvae.release.references import PAPERS, cited, data_set


@pytest.mark.parametrize("name", sorted(set(MODELS) - {"joint_factor_vae"}))
def test_every_model_cites_its_paper(name):
    text = inspect.getdoc(MODELS[name])
    first = " ".join(text.partition("\n\n")[0].split())
    named = re.findall(r"[A-Z][a-z]+ (?:et al\.|& [A-Z][a-z]+), \d{4}", first)
    assert named, first
    assert {PAPERS[short] for short in named} <= set(cited(text))


def test_a_paper_begins_with_its_authors_and_has_its_year():
    for short, full in PAPERS.items():
        authors, year = short.rsplit(", ", 1)
        assert full.startswith(authors.split()[0])
        assert f"({year})" in full


def test_only_cited_papers_are_listed():
    assert cited("after Kim & Mnih,\n    2018", "and Higgins et al., 2017, eq. 4") == [
        PAPERS["Higgins et al., 2017"],
        PAPERS["Kim & Mnih, 2018"],
    ]
    assert cited("Chen et al., 2017") == []


def test_a_data_set_with_options_is_not_the_paper_s():
    plain, held_out = data_set("dsprites"), data_set("dsprites?held_out=shape:2")
    assert plain.paper_steps == 300_000
    assert held_out.paper_steps is None
    assert "held_out=shape:2" in held_out.title
    assert cited(held_out.title) == [PAPERS["Matthey et al., 2017"]]
    assert data_set("npz:mine.npz").title == "`npz:mine.npz`"
    assert set(DATASETS) & {"dsprites", "shapes3d"}
    for name in zoo.experiments():
        assert cited(data_set(zoo.load_experiment(name).data).title), name


def test_a_name_with_a_backtick_or_a_bar_stays_in_its_cell():
    known = data_set("folder:a`b|c")
    assert known.title == "`` folder:a`b\\|c ``"
    assert known.origin.endswith("reads `` folder:a`b\\|c ``")
