"""Ctrl-C while a network trains."""

import contextlib
import signal
import threading
from collections.abc import Iterator

import keras


@contextlib.contextmanager
def stopping_on_interrupt(model: keras.Model) -> Iterator[None]:
    """Inside, a first Ctrl-C ends `fit` at the next step that is logged.

    A second one raises KeyboardInterrupt, as soon as Python runs again.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Only the main thread may handle signals.
        return

    def stop(signum, frame):
        model.stop_training = True
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
