import os
import signal
import threading

import pytest

from tfvae.training.interruption import Terminated, requests_noted


@pytest.fixture(autouse=True)
def ctrl_c_is_not_ignored():
    """A shell starts programs in the background so that they ignore Ctrl-C, and tests may be among them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_noted_and_its_handler_restored(number, capfd):
    before = signal.getsignal(number)
    with requests_noted() as requests:
        assert requests.received is None
        os.kill(os.getpid(), number)
        assert requests.received == number
    assert signal.getsignal(number) is before
    assert f"{number.name}: saving a checkpoint" in capfd.readouterr().err


def test_a_second_ctrl_c_stops_at_once_and_a_second_sigterm_does_not():
    with requests_noted():
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_signal_that_the_process_was_started_to_ignore_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with requests_noted() as requests:
            os.kill(os.getpid(), signal.SIGINT)
            assert requests.received is None
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_notes_nothing_and_changes_no_handler():
    before, noted = signal.getsignal(signal.SIGTERM), []

    def run():
        with requests_noted() as requests:
            noted.append((requests.received, signal.getsignal(signal.SIGTERM)))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert noted == [(None, before)]


def test_terminated_ends_a_process_with_the_exit_code_that_schedulers_know():
    assert (Terminated("saved").code, str(Terminated("saved"))) == (143, "saved")
