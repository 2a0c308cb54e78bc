import itertools

import numpy as np

from tools.benchmark import gpu


def test_entries_but_the_first_two_are_timed(monkeypatch):
    clock = itertools.accumulate([100.0, 7.0, 2.0, 3.0])
    monkeypatch.setattr(gpu.time, "perf_counter", lambda: next(clock))
    times = gpu.EntryTimes()
    for epoch in range(4):
        times.on_epoch_end(epoch)
    np.testing.assert_allclose(times.seconds, [2, 3])


def test_the_table_has_training_in_each_form_a_run_to_its_scores_and_serving(monkeypatch):
    # XLA's compiling is in the slow test of all tables.
    monkeypatch.setitem(gpu.FORMS, "--one_gpu", {"resident": True})
    table = gpu.gpu_table(quick=True)
    rows = {(row[0], row[1]): dict(zip(table.columns, row, strict=True)) for row in table.rows}
    for name in ("vae step", "factor_vae step"):
        for form in ("", "--one_gpu"):
            row = rows[name, form]
            np.testing.assert_allclose(row["images/s"], 4 / (1e-3 * row["ms"]))
            assert 0 < row["ms"] < 1e3 * row["seconds in all"]
    whole = [rows[work] for work in (("4 steps", "--one_gpu"), ("encoding all images", ""), ("scoring", ""))]
    total = rows["from nothing to scores", "--one_gpu"]
    np.testing.assert_allclose(sum(row["seconds in all"] for row in whole), total["seconds in all"], rtol=1e-6)
    assert "factor_vae 0." in total["scores"]
    assert rows["encoding by the SavedModel", ""]["ms"] > 0
    assert "no GPU" in table.notes[-1]
