"""The layers that a model is made of, where a change may begin."""

from collections.abc import Iterator

import keras

from xorlab.steps import internals


def inner(model: keras.Model) -> Iterator[keras.Layer]:
    """Yields the layers that clones are made of: not models, but what is inside."""
    for layer in internals.parts_of(model):
        if _is_model(layer):
            yield from inner(layer)
        elif isinstance(layer, keras.Layer):
            yield layer


def last_layers(model: keras.Model) -> list[keras.Layer]:
    """Returns the layers whose outputs are the model's."""
    outputs = {id(x) for x in keras.tree.flatten(model.outputs)}
    last: list[keras.Layer] = []
    for layer in model.layers:
        # Of a layer that is called twice there is none: it is not the last.
        returned = keras.tree.flatten(getattr(layer, "output", ()))
        is_end = isinstance(model, keras.Sequential) and layer is model.layers[-1]
        if is_end or any(id(x) in outputs for x in returned):
            last += last_layers(layer) if _is_model(layer) else [layer]
    return last


def _is_model(layer):
    return isinstance(layer, keras.Sequential | keras.Function)


def may_change(layer: keras.Layer) -> bool:
    """Whether a layer's activation can be another one."""
    if isinstance(layer, keras.layers.ReLU):
        return True
    try:
        has_one = "activation" in layer.get_config()
    except Exception:  # Whatever a user's own layer does.
        return False
    return has_one and not isinstance(layer, keras.layers.RNN)


def with_activation(layer: keras.Layer, name: str) -> keras.Layer:
    """Returns a new layer like one that `may_change`, but with that activation."""
    if isinstance(layer, keras.layers.ReLU | keras.layers.Softmax):
        return keras.layers.Activation(name, name=layer.name)
    config = layer.get_config()
    return type(layer).from_config({**config, "activation": name})
