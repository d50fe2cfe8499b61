"""Ctrl-C is heard at once, whatever training is inside of."""

import os
import signal
import threading
import time

import pytest

from xorlab.train import interrupt
from xorlab.train.interrupt import run_interruptibly

LONG = 60  # Seconds; a test that takes so long fails.


@pytest.fixture(autouse=True)
def heard():
    # A shell's background jobs, as these tests may be, are deaf to Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


def ctrl_c_to_this_thread():
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)


@pytest.mark.parametrize("ctrl_c", [ctrl_c, ctrl_c_to_this_thread])
def test_work_is_asked_to_end_and_waited_for(ctrl_c):
    asked, done = threading.Event(), []

    def work():
        time.sleep(0.1)  # Until the main thread waits.
        ctrl_c()
        assert asked.wait(LONG)
        time.sleep(0.1)
        done.append("its last words")

    run_interruptibly(work, asked.set)
    assert asked.is_set() and done == ["its last words"]


@pytest.mark.parametrize(("patience", "times"), [(0.05, 1), (LONG, 2)])
def test_work_that_does_not_hear_is_left_to_itself(patience, times, monkeypatch):
    monkeypatch.setattr(interrupt, "_PATIENCE", patience)
    never, asked = threading.Event(), []

    def work():
        ctrl_c()
        never.wait(LONG)

    def stop():
        asked.append("stop")
        if times == 2:
            threading.Timer(0.05, ctrl_c).start()

    began = time.monotonic()
    run_interruptibly(work, stop)
    assert time.monotonic() - began < LONG / 2
    assert asked == ["stop"]
    never.set()


def test_what_is_not_to_be_torn_is_deaf_to_both_and_no_longer():
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    with interrupt.deaf_to_ctrl_c():
        heard = {signal.getsignal(number) for number in numbers}
        assert heard == {signal.SIG_IGN}
    assert [signal.getsignal(number) for number in numbers] == before


def test_what_goes_wrong_inside_is_raised():
    with pytest.raises(ZeroDivisionError):
        run_interruptibly(lambda: 1 / 0, pytest.fail)
