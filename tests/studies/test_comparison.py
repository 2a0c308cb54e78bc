import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from scipy import stats

from tfvae.analysis.settings import confidence_interval
from tfvae.files.latex import escaped
from tfvae.studies import names_of, paired_tests, results, to_latex

RNG = np.random.default_rng(0)
SHIFTS = {1.0: 0.0, 4.0: 0.3, 8.0: 0.02, 16.0: 0.1}
SCORES = {beta: np.abs(RNG.normal(0.4 + shift, 0.05, 6)) for beta, shift in SHIFTS.items()}


def row(beta, seed, mig, steps=20, **keys):
    scores = {
        "mig": mig,
        "mig.standard_error": 0.01,
        "reconstruction": 70.0 + beta,
        "reconstruction.standard_error": 1.0,
    }
    fixed = {"model": "beta_vae", "steps": steps, "training_cpu_seconds": 1.0}
    return {**fixed, "seed": seed, "parameters.beta": beta, **scores, **keys}


# Step 10 and seed 5 of one setting are not compared.
ROWS = [row(beta, seed, each) for beta, found in SCORES.items() for seed, each in enumerate(found[: 5 + (beta == 4)])]
ROWS += [row(4.0, seed, 99.0, steps=10) for seed in range(3)]


def test_the_tests_are_those_of_scipy_adjusted_by_holm():
    found = paired_tests(ROWS, "mig", "beta_vae beta 1")
    assert [each.setting for each in found] == ["beta_vae beta 4", "beta_vae beta 8", "beta_vae beta 16"]
    raw = [stats.ttest_rel(SCORES[beta][:5], SCORES[1.0][:5]) for beta in (4.0, 8.0, 16.0)]
    ranked = sorted(range(3), key=lambda k: raw[k].pvalue)
    holm = {}
    for rank, k in enumerate(ranked):
        holm[k] = min(1, max(raw[j].pvalue * (3 - i) for i, j in enumerate(ranked[: rank + 1])))
    for k, each in enumerate(found):
        assert each.p == pytest.approx(holm[k])
        assert each.seeds == 5
        low, high = raw[k].confidence_interval()
        assert (each.mean - each.half_width, each.mean + each.half_width) == pytest.approx((low, high))
    assert found[0].p < 0.05 < found[1].p


def test_few_and_equal_seeds():
    rows = [
        row(1.0, 0, 0.5),
        row(1.0, 1, 0.25),
        row(2.0, 1, 0.75),
        row(3.0, 7, 0.1),
        row(4.0, 0, 0.5),
        row(4.0, 1, 0.25),
    ]
    rows += [row(5.0, 0, 1.0), row(5.0, 1, 0.75)]
    two, three, four, five = paired_tests(rows, "mig", "beta_vae beta 1")
    assert (two.seeds, two.mean, two.half_width, two.p) == (1, 0.5, None, None)
    assert (three.seeds, three.mean, three.p) == (0, None, None)
    assert (four.mean, four.p) == (0.0, 1.0)
    assert (five.mean, five.p) == (0.5, 0.0)


def test_a_latex_table_has_means_intervals_and_stars():
    text = to_latex(ROWS, baseline="beta_vae beta 1")
    lines = text.splitlines()
    assert lines[0] == r"\begin{tabular}{lrrr}"
    assert lines[2] == r"setting & seeds & mig & reconstruction \\"
    found = {tests.setting: tests.p for tests in paired_tests(ROWS, "mig", "beta_vae beta 1")}
    for line, (beta, scores) in zip(lines[4:8], SCORES.items(), strict=True):
        name, seeds, mig, reconstruction = line.removesuffix(r" \\").split(" & ")
        count = 6 if beta == 4 else 5
        mean, half = confidence_interval(scores[:count])
        assert (name, seeds) == (rf"beta\_vae beta {beta:g}", str(count))
        star = "^{*}" if found.get(f"beta_vae beta {beta:g}", 1) < 0.05 else ""
        assert mig == rf"${mean:.3f} \pm {half:.3f}{star}$"
        assert reconstruction.startswith(f"${70 + beta:.1f}")
    assert "*" in text
    assert "*" not in to_latex(ROWS)
    assert "reconstruction" not in to_latex(ROWS, scores=["mig"])
    skipped = to_latex([row(1.0, 0, None)], scores=["mig"])
    assert r"beta\_vae & 1 &  \\" in skipped


def test_a_folder_is_read(tmp_path):
    parquet.write_table(pa.Table.from_pylist(ROWS), tmp_path / "results.parquet")
    frame = results(tmp_path)
    assert frame["mig"].tolist() == [each["mig"] for each in ROWS]
    assert to_latex(tmp_path) == to_latex(ROWS)
    assert to_latex(str(tmp_path)) == to_latex(ROWS)
    assert names_of(ROWS) == [f"beta_vae beta {beta:g}" for beta in SHIFTS]
    with pytest.raises(FileNotFoundError):
        results(tmp_path / "none")


def test_wrong_names_are_refused():
    with pytest.raises(ValueError, match=r"baseline to be a setting out of \['beta_vae beta 1', .*Received: 'vae'"):
        paired_tests(ROWS, "mig", "vae")
    with pytest.raises(ValueError, match="Received: 'vae'"):
        to_latex(ROWS, baseline="vae")
    with pytest.raises(ValueError, match=r"a score out of \['mig'.*Received: 'sap'"):
        paired_tests(ROWS, "sap", "beta_vae beta 1")
    with pytest.raises(ValueError, match=r"Expected scores out of \['mig', 'reconstruction'\]. Received: \['sap'\]"):
        to_latex(ROWS, scores=["sap"])


def test_latex_prints_text_as_it_is():
    assert escaped(r"50% of_{x}^2 \ & ~#$") == (
        r"50\% of\_\{x\}\textasciicircum{}2 \textbackslash{} \& \textasciitilde{}\#\$"
    )
