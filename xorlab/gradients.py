"""Reads what the real training step computed, with no second pass.

What a logged gradient is: the gradient of the loss with respect to a trainable weight,
of the whole batch (all replicas of it), with loss scaling taken out, before clipping
and weight decay. Under gradient accumulation it is the mean over the micro-batches, the
gradient of the update. It belongs to the weights as they were before that update.
"""

import contextlib
import dataclasses
import math
import threading
from collections.abc import Mapping, Sequence
from typing import Protocol

import keras
import numpy as np
import tensorflow as tf

from xorlab import internals, measures
from xorlab.hooks import Wrapped
from xorlab.naming import layer_of


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
    entries = {}
    for path, gradient in gradients.items():
        # float64, because the square of 1e-30 is zero in float32.
        flat = np.ravel(gradient).astype(np.float64)
        entries.setdefault(layer_of(path), []).append(flat)
    return {
        layer: float(np.sqrt(np.mean(np.square(np.concatenate(parts)))))
        for layer, parts in entries.items()
    }


class Observer(Protocol):
    """What is told of every step that is traced, or run eagerly, meanwhile."""

    def before_update(self, variables: Sequence[keras.Variable]):
        """The optimizer has received gradients for these; the step may be a part."""

    def at_update(
        self, variables: Sequence[keras.Variable], gradients: Sequence[tf.Tensor]
    ) -> Sequence[tf.Tensor]:
        """These gradients will change these weights, which are still as they were.

        Returns:
            What the update is to wait for.
        """

    def after_update(self, variables: Sequence[keras.Variable]):
        """The weights have changed, if this step was to change them."""

    def at_output(self, layer: keras.Layer, output):
        """A layer has returned this: a tensor, or tensors in any structure."""


def observed(
    model: keras.Model, observer: Observer, layers: Sequence[keras.Layer] = ()
) -> Wrapped:
    """Inside, the training steps of `model` tell the observer what they compute.

    Args:
        model: compiled.
        observer: is called while a step is traced, or run eagerly.
        layers: those whose outputs it wants to see.

    Raises:
        ValueError: the optimizer does not offer its gradients.
    """
    optimizer = internals.updating_optimizer(model)
    replica = threading.local()  # Each is traced in a thread of its own.

    def apply(original, grads, trainable_variables=None):
        gradients = list(grads)
        variables = trainable_variables
        if variables is None:
            variables = model.trainable_variables
        replica.updated = internals.updated_variables(gradients, variables)
        replica.clipped = []
        observer.before_update(replica.updated)
        result = original(gradients, variables)
        expected = len(replica.updated)
        # Run eagerly, a micro-batch that only accumulates its gradient clips nothing.
        may_skip = tf.executing_eagerly() and optimizer.gradient_accumulation_steps
        if replica.clipped == [expected]:
            observer.after_update(replica.updated)
        elif expected and not (may_skip and not replica.clipped):
            if type(optimizer).apply is not keras.optimizers.Optimizer.apply:
                raise internals.no_hook(optimizer)
            raise internals.changed(
                f"Optimizer.apply to call {internals.CLIP_GRADIENTS} once "
                f"with {expected} gradients (received {replica.clipped})"
            )
        return result

    def clip(original, unclipped):
        replica.clipped.append(len(unclipped))
        with tf.control_dependencies([tf.convert_to_tensor(optimizer.iterations)]):
            seen = [_product_again(tf.convert_to_tensor(g)) for g in unclipped]
        measured = observer.at_update(replica.updated, seen)
        with tf.control_dependencies(measured):
            unclipped = [_released(x, model.jit_compile) for x in unclipped]
        return original(unclipped)

    def seeing_output_of(layer):
        def call(original, *args, **kwargs):
            output = original(*args, **kwargs)
            observer.at_output(layer, output)
            return output

        return call

    return Wrapped(
        (optimizer, "apply", apply),
        (optimizer, internals.CLIP_GRADIENTS, clip),
        *((layer, "call", seeing_output_of(layer)) for layer in layers),
    )


def _product_again(tensor):
    """Multiplies anew where a gradient is a product, and returns any other as it is.

    TensorFlow's graph optimizer reorders the product of a gradient and the learning
    rate, and so its last bit, if nothing else reads the gradient. To leave the step as
    it is, this reads the factors instead. It has to be made under a control
    dependency, or the optimizer merges the two products.
    """
    if tf.executing_eagerly() or tensor.op.type != "Mul":
        return tensor
    left, right = map(_product_again, tensor.op.inputs)
    return tf.raw_ops.Mul(x=left, y=right)


def _released(gradient, compiled):
    """Holds the update by a big gradient back until control dependencies are done.

    The gradient is then nobody else's, and the update may work in its memory.
    """
    # Outside of XLA it is not done where it could change the update's last bit: a
    # product would be kept from being reordered as it is without this.
    is_free = compiled or (
        isinstance(gradient, tf.Tensor)
        and not tf.executing_eagerly()
        and gradient.op.type != "Mul"
        and (gradient.shape.num_elements() or 0) >= measures.BIG
    )
    if not is_free:
        return gradient
    return tf.nest.map_structure(tf.identity, gradient, expand_composites=True)


@dataclasses.dataclass(frozen=True)
class Reading:
    """One training step from the inside; all of it belongs to the same network.

    Attributes:
        weights: trainable weights by path, as they were before the update.
        gradients: of the loss with respect to those weights, by the same paths, as
            the optimizer received them.
        activations: each layer's output, `[N, O]`, by layer name.
    """

    weights: dict[str, np.ndarray]
    gradients: dict[str, np.ndarray]
    activations: dict[str, np.ndarray]


class StepTap:
    """Keeps the last training step's weights, gradients and activations.

    While `attached`, every step that is traced for `model` also copies them into
    variables of the tap's own, so it works inside XLA programs too. Meant for small
    functional models: it holds each array in full.

    Args:
        model: compiled; each layer is used once.
        rows: N, the batch size.

        tap = StepTap(model, rows=4)
        with tap.attached():
            model.fit(...)
        tap.read().gradients["layer1/kernel"]
    """

    def __init__(self, model: keras.Model, rows: int):
        self._model = model
        self._layers = [layer for layer in model.layers if layer.weights]
        weights = {v.path: v.shape for v in model.trainable_variables}
        self._weights = _Buffers(weights)
        self._gradients = _Buffers(weights)
        self._activations = _Buffers(
            {layer.name: (rows, *layer.output.shape[1:]) for layer in self._layers}
        )

    @contextlib.contextmanager
    def attached(self):
        """Inside, steps are tapped; outside, the model is as it was."""
        with observed(self._model, self, self._layers):
            # A train function that Keras cached was traced without the tap.
            self._model.train_function = None
            try:
                yield
            finally:
                self._model.train_function = None

    def read(self) -> Reading:
        """Returns the last step's arrays, copied; NaN before the first step."""
        return Reading(
            self._weights.read(), self._gradients.read(), self._activations.read()
        )

    def before_update(self, variables):
        pass

    def at_update(self, variables, gradients):
        for variable, gradient in zip(variables, gradients, strict=True):
            self._weights.keep(variable.path, variable)
            self._gradients.keep(variable.path, gradient)
        return []

    def after_update(self, variables):
        pass

    def at_output(self, layer, output):
        self._activations.keep(layer.name, output)


class _Buffers:
    """A variable for each named array.

    They are made before any step is traced: a function that makes variables while it
    is traced is traced twice.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]):
        # NaN, because zeros would read as dead layers before the first step.
        self._kept = {
            name: tf.Variable(tf.fill(shape, math.nan))
            for name, shape in shapes.items()
        }

    def keep(self, name: str, tensor: tf.Tensor):
        self._kept[name].assign(tensor)

    def read(self) -> dict[str, np.ndarray]:
        # The raw op: `variable.numpy()` takes three times as long, and there are many.
        return {
            name: tf.raw_ops.ReadVariableOp(resource=v.handle, dtype=v.dtype).numpy()
            for name, v in self._kept.items()
        }
