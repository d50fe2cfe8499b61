"""The batches that a trial trains on."""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from xorlab.checks import whole

# Batches of a dataset that are looked at beforehand.
_LOOKED_AT = 8


class Batches:
    """Endless batches `(x, y, sample_weight)`.

    Those of arrays are the same each time that they begin; those of a dataset are as it
    gives them.

    Args:
        x: arrays of rows in any structure; or a `tf.data.Dataset`, or a
            `keras.utils.PyDataset`, of batches `(x, y)`.
        y: arrays of labels, or None; of a dataset it is None.
        batch_size: rows in a batch of arrays.
        seed: of the order of rows of arrays.
        sample_weight: arrays of what rows count in the loss, or None; of a dataset it
            is None.

    Attributes:
        x, y, sample_weight: the rows that are known: all of arrays; of a dataset the
            first batches, of these the ones whose rows have one shape.
        an_epoch: how many batches go once through the data; None if it is not known.

    Raises:
        ValueError: there are no rows, or not as many of each; or y or sample_weight
            comes with a dataset.
    """

    def __init__(
        self, x: Any, y: Any, batch_size: int, seed: int, sample_weight: Any = None
    ):
        whole("batch_size", batch_size, 1, "Keras's is 32")
        self._size, self._seed = batch_size, seed
        kinds = tf.data.Dataset | keras.utils.PyDataset
        self._dataset = x if isinstance(x, kinds) else None
        if self._dataset is None:
            given = keras.tree.map_structure(_array, (x, y, sample_weight))
            self.x, self.y, self.sample_weight = given
            self._rows = _rows_of(given)
            self.an_epoch: int | None = math.ceil(self._rows / batch_size)
            return
        for name, part, held in (
            ("y", y, "labels"),
            ("sample_weight", sample_weight, "weights"),
        ):
            if part is not None:
                raise ValueError(
                    f"{name}: expected None beside a dataset, whose batches hold the "
                    f"{held}; received {type(part).__name__}; leave it out"
                )
        self.an_epoch = _number_of(self._dataset)
        read = list(itertools.islice(self._of_dataset(), _LOOKED_AT))
        if not read:
            raise ValueError(
                "x: expected a dataset of batches; received one that is empty; "
                "check where its rows come from"
            )
        self.x, self.y, self.sample_weight = keras.tree.map_structure(
            lambda *parts: None if parts[0] is None else np.concatenate(parts),
            *[batch for batch in read if _shape(batch) == _shape(read[0])],
        )
        self._rows = _rows_of((self.x, self.y, self.sample_weight))

    def __iter__(self) -> Iterator[tuple[Any, Any, Any]]:
        if self._dataset is not None:
            while True:
                batch = None
                for batch in self._of_dataset():
                    yield batch
                if batch is None:
                    raise ValueError(
                        "x: expected a dataset that can be read again and again; "
                        "received one that has ended for good; make its generator "
                        "anew at each call, or give arrays"
                    )
        random, order = np.random.default_rng(self._seed), np.empty(0, int)
        size = min(self._size, self._rows)
        while True:
            # The next epoch begins in the last batch: a step is traced for each size.
            if len(order) < size:
                order = np.concatenate([order, random.permutation(self._rows)])
            rows, order = order[:size], order[size:]
            yield _at(rows, (self.x, self.y, self.sample_weight))

    def first(self, rows: int) -> tuple[Any, Any]:
        """Returns x and y of the first rows."""
        return _at(slice(rows), (self.x, self.y))

    def _of_dataset(self):
        for batch in self._dataset or ():
            batch = keras.tree.map_structure(np.asarray, batch)
            yield keras.utils.unpack_x_y_sample_weight(batch)


def _number_of(dataset):
    """How many batches a dataset has; None if that is not known, or they never end."""
    if isinstance(dataset, tf.data.Dataset):
        number = int(dataset.cardinality())
        return number if number > 0 else None
    return dataset.num_batches


def _shape(batch):
    return [None if a is None else a.shape[1:] for a in keras.tree.flatten(batch)]


def _array(part):
    return None if part is None else np.asarray(part)


def _at(rows, parts):
    return keras.tree.map_structure(lambda a: None if a is None else a[rows], parts)


def _rows_of(parts):
    arrays = [a for a in keras.tree.flatten(parts) if a is not None]
    if any(a.dtype == object for a in arrays):
        raise ValueError(
            "x and y: expected numbers; received an array of objects, such as text; "
            "turn them into numbers beforehand, as dataset.map(text_vectorization) does"
        )
    numbers = {a.shape[0] if a.ndim else 0 for a in arrays}
    if len(numbers) != 1 or 0 in numbers:
        raise ValueError(
            "x, y and sample_weight: expected as many rows of each, and at least one; "
            f"received {sorted(numbers)}; give arrays of rows, or a tf.data.Dataset of "
            "batches"
        )
    return numbers.pop()
