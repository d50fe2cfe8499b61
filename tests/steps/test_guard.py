"""What goes wrong in watching a step is told as it was, and goes no further."""

import types

import tensorflow as tf

from xorlab.steps.guard import Guard


def test_the_first_failure_is_told_and_not_what_follows_from_it():
    calls = []

    def fail(*told):
        calls.append(told)
        raise ZeroDivisionError

    guard = Guard(types.SimpleNamespace(at_update=fail, after_update=calls.append))
    assert list(guard.at_update("update", [tf.constant(1.0)])) == []
    guard.after_update("update")
    guard.at_failure(RuntimeError("the update was not seen"))
    assert isinstance(guard.failure, ZeroDivisionError) and len(calls) == 1
