"""Ctrl-C while a network trains, and `kill`, which a command takes for it."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

from xorlab import startup

_STOPPING = (signal.SIGINT, signal.SIGTERM)
# Seconds in which what runs may come to an end by itself.
_PATIENCE = 2


@contextlib.contextmanager
def deaf_to_ctrl_c() -> Iterator[None]:
    """Inside, which is to be short, Ctrl-C is not heard."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Only the main thread hears it.
        return
    before = [signal.signal(number, signal.SIG_IGN) for number in _STOPPING]
    try:
        yield
    finally:
        for number, heard in zip(_STOPPING, before, strict=True):
            signal.signal(number, heard)


def run_interruptibly(work: Callable[[], None], stop: Callable[[], None]) -> None:
    """Runs `work`, and hears Ctrl-C at once, whatever it is inside of.

    It runs in a thread, since a program that TensorFlow compiles or executes lets no
    signal through. After a Ctrl-C it has two seconds to end, after a second one none;
    then it is left to itself.

    Args:
        work: runs in a thread of its own.
        stop: is called at the first Ctrl-C; asks `work` to end.

    Raises:
        BaseException: what `work` raised.
    """
    errors: list[BaseException] = []
    # Not `Thread.join`, which after an interruption takes a thread for ended.
    ended = threading.Event()

    def guarded():
        try:
            work()
        except BaseException as error:
            errors.append(error)
        finally:
            ended.set()

    try:
        threading.Thread(target=guarded, daemon=True).start()
        while not ended.wait(startup.LISTENS_EVERY):
            pass
    except KeyboardInterrupt:
        with contextlib.suppress(KeyboardInterrupt):
            stop()
            ended.wait(_PATIENCE)
    if errors:
        raise errors[0]
