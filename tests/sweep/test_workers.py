"""Threads train every chunk once, and stop when nobody listens any more."""

import itertools
import signal
import threading
import time

import pytest

from xorlab import startup
from xorlab.sweep import workers
from xorlab.sweep.grid import Grid
from xorlab.sweep.plan import chunks

CHUNKS = list(chunks(Grid(activations=("relu",), depths=(2,), seeds=20 * 128)))
WAIT = 20  # Seconds; a test that takes so long fails.


@pytest.fixture
def two_threads(monkeypatch):
    """Lets a function train the chunks, in two threads and without TensorFlow."""
    monkeypatch.setattr(startup, "import_tensorflow", lambda: 0.0)
    monkeypatch.setattr(workers, "cores", lambda: 2)
    return lambda train: monkeypatch.setattr(workers, "train_chunk", train)


def test_every_chunk_comes_once_with_its_own_result(two_threads):
    two_threads(lambda chunk, stopping, device: chunk.number)
    # One more than there are, in case that it does not end.
    done = list(itertools.islice(workers.in_threads(iter(CHUNKS)), 21))
    assert sorted(done, key=lambda pair: pair[0].number) == [
        (chunk, chunk.number) for chunk in CHUNKS
    ]


def test_all_threads_are_busy_at_once(two_threads):
    together = threading.Barrier(2)
    two_threads(lambda chunk, stopping, device: together.wait(WAIT))
    assert len(list(workers.in_threads(CHUNKS))) == 20


def test_no_more_chunks_are_taken_than_are_soon_trained(two_threads):
    taken, go_on = [], threading.Event()

    def some():
        for chunk in CHUNKS:
            taken.append(chunk)
            yield chunk

    def train(chunk, stopping, device):
        if chunk.number:
            assert go_on.wait(WAIT)

    two_threads(train)
    done = workers.in_threads(some())
    next(done)
    # Of 20, so many as 2 threads have and wait for.
    assert len(taken) <= 5
    go_on.set()
    assert len(list(done)) == 19


def test_chunks_under_way_are_given_up_when_the_caller_leaves(two_threads):
    begun, gave_up = [], []

    def train(chunk, stopping, device):
        begun.append(chunk)
        if chunk.number:
            until = time.monotonic() + WAIT
            while not stopping() and time.monotonic() < until:
                time.sleep(0.01)
            if stopping():
                gave_up.append(chunk)

    two_threads(train)
    done = workers.in_threads(CHUNKS)
    assert next(done)[0] == CHUNKS[0]
    done.close()  # As the end of a `with closing` does, whatever the reason.
    until = time.monotonic() + WAIT
    while len(gave_up) < len(begun) - 1 and time.monotonic() < until:
        time.sleep(0.01)  # None is waited for.
    assert set(gave_up) == set(begun) - {CHUNKS[0]}
    # Those that waited for a thread were not begun, which is to compile them.
    assert len(begun) <= 3


def test_an_error_in_a_thread_is_the_caller_s(two_threads):
    def train(chunk, stopping, device):
        if chunk.number == 3:
            raise MemoryError
        return chunk.number

    two_threads(train)
    with pytest.raises(MemoryError):
        list(workers.in_threads(CHUNKS))


def test_ctrl_c_is_heard_whichever_thread_it_is_given_to(two_threads):
    def train(chunk, stopping, device):
        if chunk.number == 0:
            time.sleep(0.1)  # Until the main thread waits.
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        until = time.monotonic() + WAIT
        while not stopping() and time.monotonic() < until:
            time.sleep(0.01)

    # A shell's background jobs, as these tests may be, are deaf to it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    two_threads(train)
    began = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            list(workers.in_threads(CHUNKS))
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - began < WAIT / 2
