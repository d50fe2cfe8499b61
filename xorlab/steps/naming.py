"""Names for a model's parts: the same in tags and in the graph, and never two alike."""

import functools
from collections.abc import Iterable, Iterator
from typing import TypeVar

import keras

Thing = TypeVar("Thing")


@functools.cache
def layer_of(path: str) -> str:
    """Returns the layer in a weight's path: `layer6` for `layer6/kernel`."""
    return path.rpartition("/")[0] or path


def unique(pairs: Iterable[tuple[str, Thing]]) -> dict[str, Thing]:
    """Makes a dict of (name, thing) pairs; a name that is taken gets a number.

    >>> list(unique([("a", 1), ("a", 2), ("b", 3), ("a", 4)]))
    ['a', 'a_1', 'b', 'a_2']
    """
    named: dict[str, Thing] = {}
    for name, thing in pairs:
        free, number = name, 0
        while free in named:
            number += 1
            free = f"{name}_{number}"
        named[free] = thing
    return named


def weights_of(model: keras.Model) -> dict[str, keras.Variable]:
    """Lists a model's trainable weights by path, such as `layer6/kernel`.

    Where two layers have the same path, as those of two nested models may, one of them
    gets a number: `layer6_1/kernel`.
    """
    owners: dict[int, int] = {}
    for layer in layers_of(model).values():
        owners.update((id(weight), id(layer)) for weight in layer.trainable_weights)
    weights = [
        ((owners.get(id(weight)), layer_of(weight.path)), weight)
        for weight in model.trainable_weights
    ]
    layers = unique((key[1], key) for key in dict.fromkeys(key for key, _ in weights))
    names = {key: name for name, key in layers.items()}
    return unique(
        (f"{names[key]}{weight.path.removeprefix(key[1])}", weight)
        for key, weight in weights
    )


def layers_of(model: keras.Model) -> dict[str, keras.Layer]:
    """Lists a model's layers, those of nested models too, in order and each once.

    Returns:
        Layers by name; a nested one's name starts with its model's: `encoder/dense`.
    """
    seen = set()

    def walk(parent: keras.Model, prefix: str) -> Iterator[tuple[str, keras.Layer]]:
        for layer in parent.layers:
            if id(layer) not in seen:
                seen.add(id(layer))
                yield prefix + layer.name, layer
                if isinstance(layer, keras.Model):
                    yield from walk(layer, f"{prefix}{layer.name}/")

    return unique(walk(model, ""))
