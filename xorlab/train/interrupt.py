"""Ctrl-C while a network trains."""

import contextlib
import threading
from collections.abc import Callable

# Seconds in which what runs may come to an end by itself.
_PATIENCE = 2


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
        ended.wait()
    except KeyboardInterrupt:
        stop()
        with contextlib.suppress(KeyboardInterrupt):
            ended.wait(_PATIENCE)
    if errors:
        raise errors[0]
