import json

import numpy as np
import pytest

import tfvae
from tfvae.metrics.scores import Scores

KNOWN = {
    "mig": {"score": 0.5, "standard_error": 0.1, "ceiling": 0.9},
    "irs": {"score": None, "standard_error": None, "skipped": "fewer than <two> factors vary"},
    "mine": {"score": 2},
    "sap": {"score": None, "standard_error": None, "skipped": "fewer than <two> factors vary"},
    "dci": {"score": None, "standard_error": None, "skipped": "it would take hours"},
    "factors": {"discrete": {"kind": 2}, "continuous": {}, "labels": {"kind": ["cat", "dog"]}},
}
MODEL = {
    "kl": {"total": 3.5, "latents": [1.0, 2.5]},
    "reconstruction": {"nats": 70.04, "standard_error": 0.51},
    "latents": {"rule": "kl:0.01", "active": [True, False], "information": [0.1, 0.2]},
}


def test_scores_print_as_lines_with_one_for_each_reason_to_skip_some():
    lines = repr(Scores(KNOWN)).splitlines()
    assert [line.strip() for line in lines] == [
        "mig  0.500 +- 0.100  (a perfect code: 0.900)",
        "mine  2.000",
        "skipped  irs, sap: fewer than <two> factors vary",
        "skipped  dci: it would take hours",
        "factors  discrete kind (2: cat, dog)",
    ]
    assert [line.strip() for line in repr(Scores({**KNOWN, **MODEL})).splitlines()[5:]] == [
        "reconstruction  70.0 +- 0.5 nats",
        "KL  3.50 nats = 2.50 1.00",
        "latents  1 of 2 count (kl:0.01); each carries at most, in nats: 0.200 0.100",
    ]


def test_a_notebook_shows_intervals_and_ceilings():
    shown = Scores({**KNOWN, **MODEL})._repr_html_()
    for text in (
        "95% interval",
        "0.304 to 0.696",
        "a perfect code",
        "0.900",
        "irs, sap: fewer than &lt;two&gt;",
        "70.0 +- 0.5",
    ):
        assert text in shown
    assert shown.count("<tr>") == 1 + 2 + 2 + 4  # the head, the scores, two reasons, and the rest
    assert "perfect" not in Scores({"mine": {"score": 2}})._repr_html_()


def test_what_evaluate_and_score_return_are_such_scores_and_dicts():
    factors = np.stack(np.unravel_index(np.arange(24), (4, 3, 2)), axis=1)
    scores = tfvae.metrics.score(factors, factors, metrics="mig", names=["a", "b", "c"])
    assert [line.strip() for line in repr(scores).splitlines()] == [
        f"mig  1.000 +- {scores['mig']['standard_error']:.3f}",
        "factors  discrete a (4), b (3), c (2)",
    ]
    assert scores == json.loads(json.dumps(scores))
    assert "0 +- 0" not in repr(tfvae.metrics.score(factors, metrics="mig"))
    data = np.zeros((24, 2, 2, 1)), factors
    found = tfvae.evaluate(lambda x: np.resize(factors, (len(x), 3)), data, metrics=["mig", "irs"], ignore=2)
    assert isinstance(found, Scores)
    ceilings = tfvae.evaluation.with_ceilings(found, data)
    perfect = tfvae.metrics.ceiling(tfvae.data.as_image_data(data), metrics=["mig", "irs"], ignore="factor2")
    assert {name: ceilings[name]["ceiling"] for name in perfect} == {
        name: pytest.approx(each["score"]) for name, each in perfect.items()
    }
    assert "ceiling" not in found["mig"]
