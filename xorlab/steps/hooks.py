"""Stepping in between objects' methods and their callers, for a while."""

import functools
from collections.abc import Callable

import tensorflow as tf


class Wrapped:
    """Inside, `owner.method(*a, **k)` calls `around(original, *a, **k)`.

    Only these instances change, and they are as they were afterwards, errors included.
    A context manager that may be entered again after it was left.

    Args:
        *hooks: any number of (owner, method, around); of two for the same method the
            later is called first.
    """

    def __init__(self, *hooks: tuple[object, str, Callable]):
        self._hooks = hooks

    def __enter__(self) -> None:
        self._undo = []
        try:
            for owner, method, around in self._hooks:
                replacement = tf.autograph.experimental.do_not_convert(
                    functools.partial(around, getattr(owner, method))
                )
                # Not by setattr: Keras's objects then look for weights in what they
                # are given.
                own = vars(owner)
                self._undo.append((own, method, own.get(method)))
                own[method] = replacement
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *error: object) -> None:
        for own, method, before in reversed(self._undo):
            if before is None:
                own.pop(method, None)
            else:
                own[method] = before
