"""What one training step did to every weight, in numbers."""

import dataclasses
import functools
import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from xorlab.steps import finite, histograms, naming
from xorlab.steps.batch import BatchFacts

# Ends the name of a weight that was not finite when a step began.
BEFORE = ", before the update"


def rms_by_layer(gradients: Mapping[str, np.ndarray]) -> dict[str, float]:
    """A layer's gradient RMS: the one definition that everything here uses.

    The square root of the mean square over all entries of the gradients of all the
    layer's trainable weights, in the units of cost per unit of weight.

    Args:
        gradients: arrays of any shape by weight path, such as `layer6/kernel`.

    Returns:
        The RMS by layer (`layer6`), in the order of the gradients.

    >>> rms_by_layer({"last/kernel": np.array([[3.0], [3.0]]), "last/bias": 3.0})
    {'last': 3.0}
    """
    entries: dict[str, list[np.ndarray]] = {}
    for path, gradient in gradients.items():
        # float64, because the square of 1e-30 is zero in float32.
        flat = np.ravel(gradient).astype(np.float64)
        entries.setdefault(naming.layer_of(path), []).append(flat)
    return {
        layer: float(np.sqrt(np.mean(np.square(np.concatenate(parts)))))
        for layer, parts in entries.items()
    }


@dataclasses.dataclass
class StepStatistics:
    """What a step did. T trainable weights, L layers; counts are by bucket.

    Attributes:
        step: the optimizer's iterations before the update.
        weights: T tags; only weights that were updated.
        counts: `[T + T + L, BUCKETS]`: of the gradients, of the weights before the
            update, and of the layers' outputs.
        ends: `[T + T + L, 2]`: the least and the greatest value of each.
        sizes: T numbers of entries.
        gradient_squares: T squared 2-norms.
        weight_squares: T of them, before the update.
        change_squares: T of them, of the weight after the update less before it.
        layers: L tags.
        wall_time: seconds since 1970, after the step.
        optimizer: which of the model's made the update; empty if it has but one.
        batch_not_finite: which part of the batch, or its loss, was not finite first.
        batch: what it held; of several replicas, the first one's part.
        returned: the layers, in the order in which they first returned.
        loss: of the batch, before the update; of several replicas, of the first one's
            part; NaN where the model's `compute_loss` was not called.
        units: shares of dead or saturated units by tag, `dead_units/<layer>`.
        flat: of the same layers' outputs, the share that passes no gradient on.
        loss_squares: of each part of the loss, T squared 2-norms of its gradient.
    """

    step: int
    weights: list[str]
    counts: np.ndarray
    ends: np.ndarray
    # Lists, since NumPy takes several times longer for a few numbers.
    sizes: list[int]
    gradient_squares: list[float]
    weight_squares: list[float]
    change_squares: list[float]
    layers: list[str]
    wall_time: float
    optimizer: str = ""
    batch_not_finite: str | None = None
    batch: BatchFacts | None = None
    returned: Sequence[str] = ()
    loss: float = math.nan
    units: Mapping[str, float] = dataclasses.field(default_factory=dict)
    flat: Mapping[str, float] = dataclasses.field(default_factory=dict)
    loss_squares: Mapping[str, list[float]] = dataclasses.field(default_factory=dict)

    def by_layer(self, numbers: Sequence[float]) -> dict[str, float]:
        """Adds up T numbers, one of each weight, over the layers that hold them."""
        sums: dict[str, float] = {}
        for path, number in zip(self.weights, numbers, strict=True):
            layer = naming.layer_of(path)
            sums[layer] = sums.get(layer, 0.0) + number
        return sums

    def gradient_rms(self) -> dict[str, float]:
        """The RMS of each layer's gradient, as `rms_by_layer` defines it."""
        entries = self.by_layer(self.sizes)
        squares = self.by_layer(self.gradient_squares)
        return {x: (squares[x] / n) ** 0.5 for x, n in entries.items() if n}

    @functools.cached_property
    def gradients_not_finite(self) -> list[int]:
        """How many entries of each of T gradients are NaN or infinite."""
        return self._not_finite(self.gradient_squares, 0)

    @functools.cached_property
    def weights_not_finite(self) -> list[int]:
        """How many entries of each of T weights were so before the update."""
        return self._not_finite(self.weight_squares, len(self.weights))

    @functools.cached_property
    def activations_not_finite(self) -> list[int]:
        """How many entries of what each of L layers returned are so."""
        outputs = self.counts[2 * len(self.weights) :]
        return histograms.count_not_finite(outputs).tolist()

    def _not_finite(self, squares, begin):
        lost = [0] * len(squares)
        # A sum that is finite says so sooner than the counts do.
        for row, square in enumerate(squares):
            if not math.isfinite(square):
                counts = self.counts[[begin + row]]
                [lost[row]] = histograms.count_not_finite(counts).tolist()
        return lost

    def of(self, patterns: Sequence[str] | None) -> "StepStatistics":
        """Returns a copy, of the layers alone that `naming.is_chosen` takes."""
        if patterns is None:
            return dataclasses.replace(self)

        def is_chosen(layer):
            # The optimizer's name sets weights apart that another updates, too.
            name = layer.removeprefix(f"{self.optimizer}/")
            return naming.is_chosen(name, patterns)

        weights = [is_chosen(naming.layer_of(path)) for path in self.weights]
        layers = [is_chosen(layer) for layer in self.layers]

        def chosen(values, which=weights):
            return list(itertools.compress(values, which))

        units = {
            tag: share
            for tag, share in self.units.items()
            if is_chosen(tag.partition("/")[2])
        }
        return dataclasses.replace(
            self,
            weights=chosen(self.weights),
            counts=self.counts[weights + weights + layers],
            ends=self.ends[weights + weights + layers],
            sizes=chosen(self.sizes),
            gradient_squares=chosen(self.gradient_squares),
            weight_squares=chosen(self.weight_squares),
            change_squares=chosen(self.change_squares),
            layers=chosen(self.layers, layers),
            returned=[x for x in self.returned if is_chosen(x)],
            units=units,
            loss_squares={x: chosen(y) for x, y in self.loss_squares.items()},
            flat={x: y for x, y in self.flat.items() if is_chosen(x)},
        )

    def first_not_finite(self) -> str | None:
        """Names where NaN or infinity is first, in the order of the computation."""
        return next(self._places_not_finite(), None)

    def _places_not_finite(self):
        for path, lost in zip(self.weights, self.weights_not_finite, strict=True):
            if lost:
                yield f"the weight {path} ({lost} entries){BEFORE}"
        batch = self.batch_not_finite
        # A loss may mask what is missing; then nothing is lost.
        squares = [*self.gradient_squares, *self.change_squares]
        if batch not in (None, finite.LOSS) and not all(map(math.isfinite, squares)):
            yield batch
        lost_by_layer = dict(zip(self.layers, self.activations_not_finite, strict=True))
        for layer in self.returned:
            lost = lost_by_layer.get(layer, 0)
            if lost:
                yield f"the output of {layer} ({lost} entries)"
        if batch == finite.LOSS:
            yield batch
        # Backpropagation comes to the last weights first.
        gradients = zip(self.weights, self.gradients_not_finite, strict=True)
        for path, lost in reversed(list(gradients)):
            if lost:
                yield f"the gradient of {path} ({lost} entries)"
        for path, square in zip(self.weights, self.change_squares, strict=True):
            if not math.isfinite(square):
                yield f"the weight {path}, after the update"
