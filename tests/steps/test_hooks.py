"""What is wrapped is as it was afterwards, whatever happens meanwhile."""

import pytest

from xorlab.steps.hooks import Wrapped


def test_a_wrapped_method_is_restored_after_an_error():
    class Thing:
        def twice(self, x):
            return 2 * x

    thing = Thing()
    with pytest.raises(ZeroDivisionError):
        with Wrapped((thing, "twice", lambda original, x: original(x) + 1)):
            with Wrapped((thing, "twice", lambda original, x: -original(x))):
                assert thing.twice(3) == -7
            assert thing.twice(3) == 7
            raise ZeroDivisionError
    assert vars(thing) == {} and thing.twice(3) == 6


def test_nothing_stays_wrapped_where_something_cannot_be():
    class Thing:
        def twice(self, x):
            return 2 * x

    thing = Thing()
    hooks = [(thing, name, lambda original, x: 0) for name in ("twice", "thrice")]
    with pytest.raises(AttributeError, match="thrice"):
        with Wrapped(*hooks):
            pass
    assert vars(thing) == {}


def test_wrapped_methods_can_be_entered_again():
    class Thing:
        def twice(self, x):
            return 2 * x

    one, other = Thing(), Thing()
    both = Wrapped(
        (one, "twice", lambda original, x: original(x) + 1),
        (other, "twice", lambda original, x: original(x) + 10),
        (one, "twice", lambda original, x: -original(x)),
    )
    for _ in range(2):
        with both:
            assert (one.twice(3), other.twice(3)) == (-7, 16)
        assert vars(one) == vars(other) == {}
