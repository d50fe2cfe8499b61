"""Importing TensorFlow as a command should: quietly, and as Keras's backend."""

import contextlib
import os
import shutil
import sys
import tempfile
import time


def import_tensorflow() -> float:
    """Imports TensorFlow and Keras without their start-up notes; returns the seconds.

    For a `main` only: it sets environment variables of the process.

    Raises:
        ImportError: as the import does; what was written meanwhile is shown.
    """
    started = time.perf_counter()
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _stderr_held_back():
        import keras  # noqa: F401
        import tensorflow as tf

        # The first op looks for devices, and says which it did not find.
        tf.zeros(())
    return time.perf_counter() - started


@contextlib.contextmanager
def _stderr_held_back():
    """Holds back what C++ writes to standard error; shows it if there is an error."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held, contextlib.ExitStack() as stack:
        kept = os.dup(2)
        stack.callback(os.close, kept)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(kept, 2)
            held.seek(0)
            shutil.copyfileobj(held, sys.stderr.buffer)
            raise
        finally:
            os.dup2(kept, 2)
