"""Programs without TensorFlow, so that starting one takes milliseconds."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tfvae.studies import processes
from tfvae.studies.processes import Task, core_sets, in_processes

CORES = "import os; print(sorted(os.sched_getaffinity(0)), os.environ['OMP_NUM_THREADS'])"
# A program that runs until its standard input ends, and says that it runs; `processes` needs no TensorFlow.
HELD = (
    f"import runpy, time; runpy.run_path({processes.__file__!r})['end_with_input'](); "
    "print('runs', flush=True); time.sleep(100_000)"
)
PATIENCE = 300  # seconds: far more than any machine needs


def task(folder, name, code):
    return Task(name, ("-c", code), folder / f"{name}.txt")


def wait_for(condition):
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def pid_of(folder, name):
    return int((folder / f"{name}.txt").read_text().split()[0])


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_each_process_has_cores_of_its_own(tmp_path):
    own = os.sched_getaffinity(0)
    # Each waits for the other, so that both run at once.
    meet = (
        "; import pathlib, time\npathlib.Path({here!r}).touch()\n"
        "while not pathlib.Path({there!r}).exists(): time.sleep(0.02)"
    )
    marks = [str(tmp_path / "mark 0"), str(tmp_path / "mark 1")]
    tasks = [
        task(tmp_path, str(place), CORES + meet.format(here=marks[place], there=marks[1 - place])) for place in range(2)
    ]
    number = max(2, len(own))
    assert dict(in_processes(tasks, processes=number)) == dict.fromkeys(tasks, "")
    said = [each.output.read_text().strip() for each in tasks]
    assert sorted(said) == sorted(f"{sorted(cores)} 1" for cores in core_sets(number, 1)[:2])
    assert os.sched_getaffinity(0) == own


def test_cores_are_shared_out(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {8, 2, 4, 6, 10})
    assert core_sets(None, 1) == [{2}, {4}, {6}, {8}, {10}]
    assert core_sets(None, 2) == [{2, 4}, {6, 8}]
    assert core_sets(3, 2) == [{2, 4}, {6, 8}, {2, 4}]
    assert core_sets(None, 9) == [{2, 4, 6, 8, 10}]
    # Fewer processes than have cores of their own: those of another study may be on the first cores.
    assert core_sets(1, 2) == [set()]
    assert core_sets(4, 1) == [set()] * 4
    with pytest.raises(ValueError, match="processes=0, threads=1"):
        core_sets(0, 1)
    with pytest.raises(ValueError, match="threads=0"):
        core_sets(None, 0)


def test_a_task_that_fails_is_reported_and_the_others_continue(tmp_path):
    lines = "; ".join(f"print({line})" for line in range(100, 120))
    tasks = [
        task(tmp_path, "raises", f"{lines}; raise KeyError('here')"),
        task(tmp_path, "dies", "print('last words', flush=True); import os; os.kill(os.getpid(), 9)"),
        task(tmp_path, "silent", "import sys; sys.exit(3)"),
        task(tmp_path, "good", "print('good')"),
    ]
    found = {each.name: problem for each, problem in in_processes(tasks, processes=1)}
    assert list(found) == ["raises", "dies", "silent", "good"]
    assert found["raises"].startswith(f"exit code 1; the end of {tmp_path}/raises.txt:\n")
    assert found["raises"].endswith("KeyError: 'here'")
    assert "119" in found["raises"]
    assert "101" not in found["raises"]
    assert found["dies"].startswith("killed by SIGKILL from outside, as by a person, a scheduler, or a limit on memory")
    assert found["dies"].endswith(f"; the end of {tmp_path}/dies.txt:\nlast words")
    assert found["silent"] == "exit code 3, and it printed nothing"
    assert found["good"] == ""


def test_a_process_is_stopped_after_its_time_limit_and_the_others_run(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "GRACE", 1.0)
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    saves = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: (print('saved'), sys.exit(143))); "
        "print('trains', flush=True); time.sleep(100_000)"
    )
    tasks = [
        task(tmp_path, "hangs", f"{stubborn}import time; time.sleep(120)"),
        task(tmp_path, "saves", saves),
        task(tmp_path, "good", "print('good')"),
    ]
    found = {each.name: problem for each, problem in in_processes(tasks, processes=1, time_limit=4)}
    assert found["hangs"].startswith("stopped after its time limit of 4 s (killed by SIGKILL)")
    assert found["saves"].startswith("stopped after its time limit of 4 s (exit code 143)")
    assert found["saves"].endswith("trains\nsaved")
    assert found["good"] == ""


@pytest.mark.parametrize("ran_out", [True, False])
def test_lack_of_memory_is_named_when_the_machine_counted_it(ran_out, tmp_path, monkeypatch):
    counts = iter([3, 4 if ran_out else 3])
    monkeypatch.setattr(processes, "ooms", lambda: next(counts))
    ((_, problem),) = in_processes([task(tmp_path, "dies", "import os; os.kill(os.getpid(), 9)")])
    assert problem.startswith("killed by SIGKILL")
    assert ("ended a process for lack of memory, most likely this one" in problem) is ran_out
    assert ("from outside" in problem) is not ran_out


def test_the_system_counts_what_it_ended_for_lack_of_memory(monkeypatch):
    monkeypatch.setattr(Path, "read_text", lambda path: "oom_kill_other 9\noom_kill 7\n")
    assert processes.ooms() == 7
    monkeypatch.setattr(Path, "read_text", lambda path: "nr_free_pages 1\n")
    assert processes.ooms() == 0


def test_closing_ends_what_runs_and_starts_nothing_more(tmp_path):
    endless = "import os, time; print(os.getpid(), flush=True); time.sleep(120); print('ended')"
    # The first one ends when the second runs.
    started = f"import pathlib, time\nwhile not pathlib.Path({str(tmp_path / 'a.txt')!r}).read_text(): time.sleep(0.02)"
    tasks = [task(tmp_path, "quick", started), *[task(tmp_path, name, endless) for name in "ab"]]
    ended = in_processes(tasks, processes=2)
    assert next(ended) == (tasks[0], "")
    running = pid_of(tmp_path, "a")
    assert is_alive(running)
    ended.close()
    assert not is_alive(running)
    assert "ended" not in tasks[1].output.read_text()  # by itself
    assert not tasks[2].output.exists()


def test_processes_end_with_their_parent_even_if_it_is_killed(tmp_path):
    held = "import os; print(os.getpid(), flush=True); " + HELD
    parent = (
        f"import runpy, pathlib; p = runpy.run_path({processes.__file__!r}); folder = pathlib.Path({str(tmp_path)!r}); "
        f"list(p['in_processes']([p['Task'](name, ('-c', {held!r}), folder / (name + '.txt')) for name in 'ab'], "
        "processes=2))"
    )
    started = subprocess.Popen([sys.executable, "-c", parent])
    outputs = [tmp_path / "a.txt", tmp_path / "b.txt"]
    wait_for(lambda: all(path.exists() and "runs" in path.read_text() for path in outputs))
    pids = [pid_of(tmp_path, name) for name in "ab"]
    assert all(map(is_alive, pids))
    started.send_signal(signal.SIGKILL)
    started.wait()
    wait_for(lambda: not any(map(is_alive, pids)))


def test_a_process_that_ends_by_itself_succeeds(tmp_path):
    # When it ends, one of its threads still waits for standard input.
    tasks = [task(tmp_path, "held", HELD.replace("sleep(100_000)", "sleep(0)"))]
    assert list(in_processes(tasks)) == [(tasks[0], "")]
