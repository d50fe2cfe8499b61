"""Names for a model's parts: the same in tags and in the graph, and never two alike.

A layer's name is its path below the model that is trained, whatever that is called:
`head`, or `encoder/dense`. Those that nobody named, Keras numbers through all of a
process. Here each parent counts its own, so that a model has the same names each time
it is built, and those of Keras if it is the first.
"""

import collections
import difflib
import fnmatch
import functools
import itertools
import operator
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import keras

from xorlab.steps import internals

Thing = TypeVar("Thing")
Named = TypeVar("Named", keras.Operation, keras.Variable)


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


def siblings(parts: Iterable[Named]) -> dict[str, Named]:
    """Names the parts of one parent, in order: automatic numbers begin anew.

    A number is automatic where it follows the name of the part's class, as `dense_7` of
    a `Dense`, whoever gave it; but not beside a `dense_0`, since Keras begins without.
    Other names stay as they are.
    """
    parts = list(parts)
    alike = collections.defaultdict(list)
    for part in parts:
        base, number = _split(part)
        if number is not None:
            alike[base].append((number, part))
    automatic = [
        (f"{base}_{rank}" if rank else base, part)
        for base, group in alike.items()
        if 0 not in dict(group)
        for rank, (_, part) in enumerate(sorted(group, key=operator.itemgetter(0)))
    ]
    others = {id(part) for _, part in automatic}
    given = [(part.name, part) for part in parts if id(part) not in others]
    names = {id(part): name for name, part in unique(given + automatic).items()}
    return {names[id(part)]: part for part in parts}


def _split(part):
    """Splits a name that Keras could have made into that of the class and a number.

    The number is -1 where there is none, since `dense_0` is not Keras's; and None where
    the name is not the class's.
    """
    base, _, number = part.name.rpartition("_")
    if not re.fullmatch("0|[1-9][0-9]*", number):
        base, number = part.name, "-1"
    kind = type(part).__name__.replace("_", "").lower()
    # Keras puts a word before the names of what it makes `Bidirectional`.
    automatic = {kind, f"forward{kind}", f"backward{kind}"}
    return base, int(number) if base.replace("_", "") in automatic else None


def parts_of(model: keras.Model) -> dict[str, keras.Operation]:
    """Lists a model's layers and operations, such as `x + y`, in order and each once.

    Returns:
        Parts by name; one inside of another has that one's name before its own:
        `encoder/dense`.
    """
    seen: set[int] = set()

    def walk(parent: keras.Layer, prefix: str) -> Iterator[tuple[str, keras.Operation]]:
        own = [x for x in internals.parts_of(parent) if id(x) not in seen]
        seen.update(map(id, own))
        for name, part in siblings(own).items():
            yield prefix + name, part
            if isinstance(part, keras.Layer):
                yield from walk(part, f"{prefix}{name}/")

    return dict(walk(model, ""))


def layers_of(model: keras.Model) -> dict[str, keras.Layer]:
    """Lists a model's layers, and those inside of them, as `parts_of` does."""
    parts = parts_of(model).items()
    return {name: part for name, part in parts if isinstance(part, keras.Layer)}


def chosen_layers(model: keras.Model, patterns: Sequence[str] | None) -> set[str]:
    """Chooses layers by name; those inside of a chosen one come with it.

    Args:
        model: whose layers; a weight of its own counts as one.
        patterns: names, or patterns of `fnmatch`, as `block_*`; None chooses all.

    Raises:
        NoSuchLayer: a pattern fits none.
    """
    names = [*layers_of(model), *map(layer_of, weights_of(model))]
    for pattern in patterns or ():
        if not any(fnmatch.fnmatchcase(name, pattern) for name in names):
            like = difflib.get_close_matches(pattern, names, n=1, cutoff=0)
            hint = f"did you mean {like[0]!r}?" if like else "it has none"
            raise internals.NoSuchLayer(
                "layers: expected names of the model's layers, or patterns such as "
                f"'dense*'; received {pattern!r}, which fits none; {hint}"
            )
    return {name for name in names if is_chosen(name, patterns)}


def is_chosen(name: str, patterns: Sequence[str] | None) -> bool:
    """Whether a pattern fits a layer's name, or that of one that it is inside of.

    None fits all.
    """
    if patterns is None:
        return True
    outer = itertools.accumulate(name.split("/"), "{}/{}".format)
    return any(fnmatch.fnmatchcase(x, pattern) for x in outer for pattern in patterns)


def layers_seen(model: keras.Model) -> dict[str, keras.Layer]:
    """Lists the layers whose outputs tell of a step.

    Left out are those that return the data, and the cells of recurrent layers, which
    return a time step in the body of a loop.
    """
    cells = tuple(f"{name}/" for name in recurrent_layers_of(model))
    return {
        name: layer
        for name, layer in layers_of(model).items()
        if not isinstance(layer, keras.layers.InputLayer) and not name.startswith(cells)
    }


def recurrent_layers_of(model: keras.Model) -> list[str]:
    """Lists the names of a model's layers that go from time step to time step."""
    layers = layers_of(model).items()
    return [name for name, layer in layers if isinstance(layer, keras.layers.RNN)]


def variables_of(model: keras.Model) -> dict[str, keras.Variable]:
    """Lists a model's variables, each once, by layer and name: `layer6/kernel`.

    The model's own have no layer before their name.
    """
    layers = layers_of(model)
    named: dict[str, keras.Variable] = {}
    seen: set[int] = set()
    for path, layer in layers.items():
        inner = (x for x in internals.parts_of(layer) if isinstance(x, keras.Layer))
        others = seen.union(id(v) for x in inner for v in x.variables)
        own = siblings(v for v in layer.variables if id(v) not in others)
        named.update((f"{path}/{name}", variable) for name, variable in own.items())
        seen.update(map(id, own.values()))
    own = siblings(v for v in model.variables if id(v) not in seen)
    free = unique([*layers.items(), *own.items()])
    return named | {name: free[name] for name in free if name not in layers}


def weights_of(model: keras.Model) -> dict[str, keras.Variable]:
    """Lists a model's trainable weights, as `variables_of` does, in Keras's order."""
    names = {id(v): name for name, v in variables_of(model).items()}
    return {names[id(weight)]: weight for weight in model.trainable_weights}
