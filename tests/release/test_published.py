import re
from pathlib import Path

import pytest

from tfvae import zoo
from tfvae.data import DATASETS
from tfvae.metrics import METRICS
from tfvae.models import MODELS
from tfvae.release.card import card
from tfvae.release.published import PUBLISHED, SOURCES, Published, published, shown
from tfvae.release.tables import published_table

ZOO = Path(__file__).parents[2] / "zoo"


def test_rows_name_data_models_metrics_and_sources_that_exist():
    for row in PUBLISHED:
        assert row.data in DATASETS
        assert row.model is None or row.model in MODELS
        assert set(row.scores) <= set(METRICS)
        assert row.source in SOURCES
        assert all(0 <= mean <= 1 and (sd is None or 0 <= sd < 0.2) for mean, sd in row.scores.values())
    assert len({(row.data, row.method, row.source) for row in PUBLISHED}) == len(PUBLISHED)


def test_a_source_says_where_it_is_found():
    assert all(re.search(r"arXiv:\d{4}\.\d{5}|openreview\.net/forum", source) for source in SOURCES.values())


@pytest.mark.parametrize(
    ("score", "text"),
    [
        ((0.82, None), "0.82"),
        ((0.877, None), "0.877"),
        ((0.735, 0.065), "0.735 (sd 0.065)"),
        ((1.0, 0.0), "1.000 (sd 0.000)"),
    ],
)
def test_scores_have_the_digits_and_the_deviation_of_the_paper(score, text):
    assert shown(score) == text


def test_a_card_has_what_papers_report_of_its_method_on_its_data(monkeypatch):
    row = Published("dsprites", "FactorVAE", "EncDiff", {"dci": (0.25, 0.125)}, "factor_vae")
    others = [
        Published("shapes3d", "FactorVAE", "CFASL", {"dci": (0.5, None)}, "factor_vae"),
        Published("dsprites", "beta-VAE", "CFASL", {"dci": (0.75, None)}, "beta_vae"),
    ]
    monkeypatch.setattr("tfvae.release.published.PUBLISHED", [row, *others])
    assert list(published("dsprites", "factor_vae")) == [row]
    text = card(ZOO / "factor_vae-dsprites")
    assert "| score | value | better | published |\n| --- | --- | --- | --- |\n" in text
    (line,) = [line for line in text.splitlines() if line.startswith("| `dci`")]
    assert line.endswith("| higher | 0.250 (sd 0.125) |")
    assert f"Published scores:\n\n- {SOURCES['EncDiff']}\n\n!" in text
    assert SOURCES["CFASL"] not in text
    assert "published" not in card(ZOO / "vae-dsprites")


def test_the_table_has_the_zoo_beside_papers_with_a_number_for_each_source():
    lines = published_table().splitlines()
    (ours,) = [line for line in lines if "[factor_vae-dsprites]" in line]
    scores = zoo.load_scores("factor_vae-dsprites")
    assert [cell.strip() for cell in ours.split("|")[3:6]] == [
        f"{scores[name]['score']:.3f}" for name in ("factor_vae", "mig", "dci")
    ]
    assert " / ".join(f"{scores[name]['score']:.2f}" for name in ("infom", "infoe", "infoc")) in ours
    (paper,) = [line for line in lines if "| EncDiff (diffusion) |" in line]
    assert "| 0.999 (sd 0.000) |  | 0.969 (sd 0.030) |" in paper
    number = re.search(r"\[(\d+)\] \|$", paper)[1]
    assert f"{number}. {SOURCES['EncDiff']}" in lines
