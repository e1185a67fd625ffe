"""Signals: at once where nothing would be lost, noted where a save comes first."""

import os
import signal
import subprocess
import sys

import pytest

from clinicalbert_tf.training import exit_codes
from clinicalbert_tf.training.preemption import Interrupted, StopSignals
from tests import processes


@pytest.fixture(autouse=True)
def sigint_is_heard():
    """A test run in the background of a shell starts with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def send(number):
    os.kill(os.getpid(), number)


def test_signal_outside_of_training_raises_at_once():
    with StopSignals(), pytest.raises(Interrupted, match="SIGTERM: there was nothing") as raised:
        send(signal.SIGTERM)
    assert raised.value.exit_code == exit_codes.PREEMPTED == 75
    assert not raised.value.agreed


def test_interruption_is_remembered_where_a_library_makes_another_exception_of_it():
    with StopSignals() as signals:
        try:
            send(signal.SIGTERM)
        except Interrupted as error:
            assert signals.raised is error
        with signals.deferred():
            send(signal.SIGTERM)
    assert signals.raised.exit_code == 75


def test_deferred_signal_is_only_noted():
    with StopSignals() as signals:
        with signals.deferred():
            send(signal.SIGTERM)
            send(signal.SIGTERM)
        assert signals.received == signal.SIGTERM
        stop = signals.interrupted("step 7 is saved")
        assert str(stop) == "Stopped by SIGTERM: step 7 is saved."
        assert stop.agreed and stop.exit_code == 75


def test_second_sigterm_does_not_disturb_the_ending():
    ended = []
    with StopSignals(), pytest.raises(Interrupted):
        try:
            send(signal.SIGTERM)
        finally:
            send(signal.SIGTERM)
            ended.append(True)
    assert ended


def test_first_sigint_saves_likewise_and_the_second_ends_at_once():
    with StopSignals() as signals, signals.deferred():
        send(signal.SIGINT)
        assert signals.interrupted("saved").exit_code == exit_codes.INTERRUPTED == 130
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)


def test_signal_to_another_worker_stops_this_one_with_the_same_code():
    stop = StopSignals().interrupted("saved")
    assert stop.exit_code == 75 and "another worker" in str(stop)


def test_handlers_are_put_back_and_an_ignored_signal_stays_ignored():
    before = signal.getsignal(signal.SIGTERM)
    ignored = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with StopSignals():
            assert signal.getsignal(signal.SIGTERM) != before
            assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, ignored)
    assert signal.getsignal(signal.SIGTERM) == before


def test_exception_handlers_of_libraries_do_not_swallow_it():
    assert not issubclass(Interrupted, Exception)


def test_forked_process_ends_by_the_signal_itself():
    program = """
import os, signal, time
from clinicalbert_tf.training.preemption import StopSignals
with StopSignals():
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        # Python forgets signals that come before a fork is done.
        os.write(theirs, b"ready")
        time.sleep(30)
        os._exit(1)
    os.read(ours, 5)
    os.kill(child, signal.SIGTERM)
    print(os.waitpid(child, 0)[1])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == str(int(signal.SIGTERM)) and not done.stderr


INSIDE_TENSORFLOW = """
import os, signal, sys, time
import tensorflow as tf
from clinicalbert_tf.training.preemption import Interrupted, StopSignals

def steps(x):
    os.kill(os.getpid(), signal.SIGTERM)
    for _ in range(20 if sys.argv[1] == "lasting" else 1):
        time.sleep(0.1)
    return x

with StopSignals(leave=lambda error: print(error, flush=True)) as signals:
    tf.function(steps, autograph=False)(tf.constant(1))
    assert signals.received == signal.SIGTERM
    with signals.deferred():
        time.sleep(2)
        print(signals.interrupted("the state is saved"))
"""


@pytest.mark.large
@pytest.mark.parametrize(
    ("length", "code", "message"), [("lasting", 75, "nothing to save"), ("short", 0, "is saved")]
)
def test_signal_inside_a_library_raises_nothing_there(length, code, message):
    """An exception there may abort the process; steps that end in time are saved."""
    done = processes.run(["-c", INSIDE_TENSORFLOW, length])
    assert done.returncode == code, done.stderr
    assert message in done.stdout and len(done.stdout.splitlines()) == 1


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
