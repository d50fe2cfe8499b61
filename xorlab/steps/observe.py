"""Reads what the real training step computed, with no second pass.

What a logged gradient is: the gradient of the loss with respect to a trainable weight,
of the whole batch (all replicas of it), with loss scaling taken out, before clipping
and weight decay. Under gradient accumulation it is the mean over the micro-batches, the
gradient of the update. It belongs to the weights as they were before that update.
"""

import threading
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import keras
import tensorflow as tf

from xorlab.steps import exact, internals
from xorlab.steps.hooks import Wrapped


class Observer(Protocol):
    """What is told of every step that is traced, or run eagerly, meanwhile."""

    def before_update(self, variables: Sequence[keras.Variable]) -> None:
        """The optimizer has received gradients for these; the step may be a part."""

    def at_update(
        self, variables: Sequence[keras.Variable], gradients: Sequence[tf.Tensor]
    ) -> Sequence[tf.Tensor]:
        """These gradients will change these weights, which are still as they were.

        Returns:
            What the update is to wait for.
        """

    def after_update(self, variables: Sequence[keras.Variable]) -> None:
        """The weights have changed, if this step was to change them."""

    def at_output(self, layer: keras.Layer, output: Any) -> None:
        """A layer has returned this: a tensor, or tensors in any structure."""

    def at_failure(self, error: Exception) -> None:
        """The step cannot be told of. It goes on, unless this raises."""


def observed(
    model: keras.Model, observer: Observer, layers: Iterable[keras.Layer] = ()
) -> Wrapped:
    """Inside, the training steps of `model` tell the observer what they compute.

    Args:
        model: compiled.
        observer: is called while a step is traced, or run eagerly.
        layers: those whose outputs it wants to see.

    Raises:
        NotWatchable: the optimizer does not offer its gradients.
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
            own = type(optimizer).apply is not keras.optimizers.Optimizer.apply
            observer.at_failure(
                internals.no_hook(optimizer)
                if own
                else internals.changed(
                    f"Optimizer.apply to call {internals.CLIP_GRADIENTS} once "
                    f"with {expected} gradients (received {replica.clipped})"
                )
            )
        return result

    def clip(original, unclipped):
        replica.clipped.append(len(unclipped))
        measured: Sequence[tf.Tensor] = []
        try:
            with tf.control_dependencies([tf.convert_to_tensor(optimizer.iterations)]):
                seen = [exact.read_again(tf.convert_to_tensor(g)) for g in unclipped]
            measured = observer.at_update(replica.updated, seen)
        except Exception as error:
            observer.at_failure(error)
        with tf.control_dependencies(measured):
            unclipped = [exact.released(x, model.jit_compile) for x in unclipped]
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
