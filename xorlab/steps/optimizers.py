"""Which optimizers a model's steps may use, and which of them change the weights."""

from collections.abc import Sequence

import keras

from xorlab.steps import internals, naming

# Keras 3.12 has none.
_SEVERAL = tuple(filter(None, [getattr(keras.optimizers, "MultiOptimizer", None)]))


def no_hook(optimizer: object) -> internals.NotWatchable:
    """The error that says that an optimizer's gradients cannot be read."""
    return internals.NotWatchable(
        "optimizer: expected a keras.optimizers.Optimizer that updates by its own "
        f"apply, or hands on to another's; received {type(optimizer).__name__}; derive "
        "yours from it, calling its apply, or leave write_grads out"
    )


def optimizers_of(model: keras.Model) -> dict[str, keras.optimizers.Optimizer]:
    """Finds the optimizers that a model's steps may use, by the attribute's name.

    They are looked for among the attributes of the model and of the models in it, also
    in lists and dicts: a GAN has `d_optimizer` and `g_optimizer`. If there is but one,
    its name is empty.

    Raises:
        NotWatchable: there is none whose gradients could be read.
    """
    found: dict[int, tuple[str, keras.optimizers.Optimizer]] = {}
    for prefix, owner in [("", model), *naming.layers_of(model).items()]:
        if isinstance(owner, keras.Model):
            for name, optimizer in _optimizers_among(owner):
                named = f"{prefix}/{name}" if prefix else name
                found.setdefault(id(optimizer), (named, optimizer))
    for _, optimizer in list(found.values()):
        for inner in inner_optimizers(optimizer):
            found.pop(id(inner), None)
    if not found:
        raise no_hook(model.optimizer)
    if len(found) == 1:
        [(_, optimizer)] = found.values()
        return {"": optimizer}
    return dict(found.values())


def inner_optimizers(
    optimizer: keras.optimizers.Optimizer,
) -> list[keras.optimizers.Optimizer]:
    """Returns those that an optimizer hands its gradients on to.

    So do `LossScaleOptimizer`, `MultiOptimizer`, and what users wrap around others.
    """
    return [inner for _, inner in _optimizers_among(optimizer)]


def _optimizers_among(owner):
    """Yields name and optimizer for the attributes of an object that are some."""
    attributes = list(vars(owner).items())
    # After those with a name of their own: TensorFlow lists some a second time.
    for name, value in vars(owner).items():
        if isinstance(value, list | tuple):
            value = dict(enumerate(value))
        if isinstance(value, dict):
            attributes += [(f"{name}/{key}", part) for key, part in value.items()]
    for name, value in attributes:
        if isinstance(value, keras.optimizers.Optimizer):
            yield name, value


def hands_on(
    optimizer: keras.optimizers.Optimizer, variables: Sequence[keras.Variable]
) -> bool:
    """Whether an optimizer that is given gradients of these hands them on to others."""
    if isinstance(optimizer, _SEVERAL) and not optimizer.built:
        # It may choose them by variable, and does so now, as its `apply` would.
        optimizer.build(variables)
    return bool(inner_optimizers(optimizer))


def may_change_gradients(optimizer: keras.optimizers.Optimizer) -> bool:
    """Whether an optimizer has an `apply` of its own.

    Keras's have none, but for those that scale gradients, or deal them out.
    """
    kinds = keras.optimizers
    own = type(optimizer).apply is not kinds.Optimizer.apply
    return own and not isinstance(optimizer, (kinds.LossScaleOptimizer, *_SEVERAL))
