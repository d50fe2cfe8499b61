"""Stepping in between an object's method and its callers, for a while."""

import contextlib
from collections.abc import Callable


@contextlib.contextmanager
def wrapped(owner, method: str, around: Callable):
    """Inside, `owner.method(*a, **k)` calls `around(original, *a, **k)`.

    Only this instance changes, and it is as it was afterwards, errors included.
    """
    original = getattr(owner, method)
    # Not by setattr: Keras's objects then look for weights in what they are given.
    own = vars(owner)
    before = own.get(method)

    def replacement(*args, **kwargs):
        return around(original, *args, **kwargs)

    own[method] = replacement
    try:
        yield
    finally:
        if before is None:
            del own[method]
        else:
            own[method] = before
