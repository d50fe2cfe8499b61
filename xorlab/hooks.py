"""Stepping in between an object's method and its callers, for a while."""

import contextlib
from collections.abc import Callable


@contextlib.contextmanager
def wrapped(owner, method: str, around: Callable):
    """Inside, `owner.method(*a, **k)` calls `around(original, *a, **k)`.

    Only this instance changes, and it is as it was afterwards, errors included.
    """
    original = getattr(owner, method)
    own = vars(owner).get(method)

    def replacement(*args, **kwargs):
        return around(original, *args, **kwargs)

    setattr(owner, method, replacement)
    try:
        yield
    finally:
        if own is None:
            delattr(owner, method)
        else:
            setattr(owner, method, own)
