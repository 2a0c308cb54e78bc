import numpy as np
import pytest
from scipy import stats

from tfvae.analysis.agreement import agreement

# Four runs: of six pairs, "b" orders five as "a" does, and "c" none.
TABLE = {"a": [0.1, 0.2, 0.3, 0.4], "b": [1.0, 3.0, 2.0, 4.0], "c": [8.0, 6.0, 4.0, 2.0]}


def test_a_small_table_by_hand():
    found = agreement(TABLE)
    assert (found.metrics, found.runs) == (("a", "b", "c"), 4)
    # Covariance 4 of sums of squares 5 and 5; ranks are the values; (5 - 1) / 6 pairs.
    for kind, value in {"pearson": 0.8, "spearman": 0.8, "kendall": 4 / 6}.items():
        np.testing.assert_allclose(found.coefficients[kind], [[1, value, -1], [value, 1, -value], [-1, -value, 1]])
    # t = r sqrt(2 / (1 - r^2)) with 2 degrees of freedom; of 24 orders, 8 have a Kendall's tau of at least 4 / 6.
    t = 0.8 * np.sqrt(2 / (1 - 0.64))
    assert found.p_values["pearson"][0, 1] == pytest.approx(2 * stats.t.sf(t, 2))
    assert found.p_values["spearman"][0, 1] == pytest.approx(2 * stats.t.sf(t, 2))
    assert found.p_values["kendall"][0, 1] == pytest.approx(8 / 24)
    assert np.array_equal(found.p_values["kendall"], found.p_values["kendall"].T)


def test_independent_scores_rarely_look_related():
    rng = np.random.default_rng(0)
    found = [agreement({"a": rng.normal(size=10), "b": rng.normal(size=10)}).p_values for _ in range(200)]
    for kind in ("pearson", "kendall", "spearman"):
        small = np.mean([p[kind][0, 1] < 0.1 for p in found])
        # Binomial of 200 at 0.1: a standard error of 0.02.
        assert 0.03 < small < 0.18


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ({"a": [1, 2, 3]}, r"at least two metrics. Received: \['a'\]"),
        ({"a": [1, 2], "b": [1, 2]}, "three or more runs"),
        ({"a": [1, 2, 3], "b": [1, 2, 3, 4]}, r"\{'a': 3, 'b': 4\}"),
        ({"a": [1, 2, 3], "b": [1, 1, 1]}, r"not all the same. Received: b=\[1.0"),
        ({"a": [1, 2, 3], "b": [1, np.nan, 1]}, r"b=\[1.0, nan"),
    ],
)
def test_says_what_is_wrong(scores, message):
    with pytest.raises(ValueError, match=message):
        agreement(scores)
