"""How many steps a `fit` makes, by what Keras tells its callbacks."""

import math

import keras


def batches_of_epochs(callback: keras.callbacks.Callback, epochs: int) -> int | None:
    """Returns how many batches so many epochs are; None if an epoch's are not known."""
    batches = (callback.params or {}).get("steps")
    return None if batches is None else epochs * batches


def steps_of_epochs(callback: keras.callbacks.Callback, epochs: int) -> int | None:
    """Returns how many steps so many epochs are; None if an epoch's are not known."""
    batches = batches_of_epochs(callback, epochs)
    if batches is None:
        return None
    optimizer = callback.model.optimizer
    accumulated = getattr(optimizer, "gradient_accumulation_steps", None)
    return batches // (accumulated or 1)


def steps_of_execution(callback: keras.callbacks.Callback, batch: int) -> int:
    """Returns how many steps an execution makes: fewer where the epoch's data end."""
    left = ((callback.params or {}).get("steps") or math.inf) - batch
    return min(callback.model.steps_per_execution, left)
