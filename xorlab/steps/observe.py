"""Reads what the real training step computed, with no second pass.

What a logged gradient is: the gradient of the loss with respect to a trainable weight,
of the whole batch (all replicas of it), with loss scaling taken out, before clipping
and weight decay. Under gradient accumulation it is the mean over the micro-batches, the
gradient of the update. It belongs to the weights as they were before that update.

An optimizer whose own `apply` changes gradients is asked for those that it was given;
where it accumulates them, for the mean of the changed ones, as it keeps no others.
"""

import contextlib
import dataclasses
import functools
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import keras
import tensorflow as tf

from xorlab.steps import exact, internals, optimizers, traces
from xorlab.steps.hooks import Wrapped
from xorlab.steps.traced import is_for_xla


@dataclasses.dataclass(frozen=True)
class Update:
    """An update that a step makes.

    Attributes:
        optimizer: the name of the one that makes it, as in `observed`.
        iterations: of that optimizer, before the update.
        variables: what it changes.
    """

    optimizer: str
    iterations: Any
    variables: Sequence[keras.Variable]


class Observer(Protocol):
    """What is told of every step that is traced, or run eagerly, meanwhile."""

    def at_data(self, data: Any) -> None:
        """A training step begins, and was given this, in any structure."""

    def at_loss(self, loss: Any) -> None:
        """The model's `compute_loss` has returned this; a step may not call it."""

    def before_update(self, update: Update) -> None:
        """The optimizer has received gradients; the step may be a part of an update."""

    def at_update(
        self, update: Update, gradients: Sequence[tf.Tensor]
    ) -> Sequence[tf.Tensor]:
        """These gradients will change the weights, which are still as they were.

        Returns:
            What the update is to wait for.
        """

    def after_update(self, update: Update) -> None:
        """The weights have changed, if this step was to change them."""

    def at_output(self, layer: keras.Layer, output: Any) -> None:
        """A layer has returned this: a tensor, or tensors in any structure."""

    def at_failure(self, error: Exception) -> None:
        """The step cannot be told of. It goes on, unless this raises."""


def observed_batches(model: keras.Model, observer: Observer) -> Wrapped:
    """Inside, `fit` tells the observer what its steps are given, and of their loss.

    A train function is to be made inside, too: it takes `train_step` as it is then.
    """

    def train_step(original, data):
        with traces.added():
            observer.at_data(data)
        return original(data)

    def compute_loss(original, *args, **kwargs):
        loss = original(*args, **kwargs)
        with traces.added():
            observer.at_loss(loss)
        return loss

    return Wrapped(
        (model, "train_step", train_step), (model, "compute_loss", compute_loss)
    )


class _Now(threading.local):
    """What a replica's step is at: each is traced in a thread of its own."""

    update: Update | None = None
    clipped: tuple[int, ...] = ()
    # Gradients by the id of their variable, where an `apply` may change them.
    given: Mapping[int, Any] | None = None


class observed:
    """Inside, training steps tell the observer what they compute.

    May be entered again after it was left.

    Args:
        roots: the optimizers that may make updates, by name; those that they hand their
            gradients on to are found.
        observer: is called while a step is traced, or run eagerly.
        layers: those whose outputs it wants to see.
    """

    def __init__(
        self,
        roots: Mapping[str, keras.optimizers.Optimizer],
        observer: Observer,
        layers: Iterable[keras.Layer] = (),
    ):
        self._roots = roots
        self._observer = observer
        self._layers = layers
        self._hooks = contextlib.ExitStack()
        self._hooked: set[int] = set()
        self._now = _Now()

    def __enter__(self) -> None:
        self._hooked.clear()
        with contextlib.ExitStack() as self._hooks:
            for name, optimizer in self._roots.items():
                self._hook(name, optimizer)
            for layer in self._layers:
                around = functools.partial(self._call, layer)
                self._hooks.enter_context(Wrapped((layer, "call", around)))
            self._hooks = self._hooks.pop_all()

    def __exit__(self, *error: object) -> None:
        self._hooks.close()

    def _hook(self, name, optimizer):
        """Steps in before an optimizer, and those that it hands its gradients on to."""
        if id(optimizer) not in self._hooked:
            self._hooked.add(id(optimizer))
            apply = functools.partial(self._apply, name, optimizer)
            clip = functools.partial(self._clip, optimizer)
            self._hooks.enter_context(
                Wrapped(
                    (optimizer, "apply", apply),
                    (optimizer, internals.CLIP_GRADIENTS, clip),
                )
            )
            for inner in optimizers.inner_optimizers(optimizer):
                self._hook(name, inner)

    def _apply(self, name, optimizer, original, grads, trainable_variables=None):
        if trainable_variables is None and not optimizer.built:
            return original(grads)  # Which says so.
        gradients = list(grads)
        variables = trainable_variables
        if variables is None:
            variables = internals.built_for(optimizer)
        variables = list(variables)
        now, outer = self._now, self._now.given
        if outer is None and optimizers.may_change_gradients(optimizer):
            ids = map(id, variables)
            now.given = dict(zip(ids, gradients, strict=False))
        try:
            if optimizers.hands_on(optimizer, variables):
                for inner in optimizers.inner_optimizers(optimizer):
                    self._hook(name, inner)
                return original(gradients, variables)
            return self._update(name, optimizer, original, gradients, variables)
        finally:
            now.given = outer

    def _update(self, name, optimizer, original, gradients, variables):
        now, observer = self._now, self._observer
        updated = internals.updated_variables(gradients, variables)
        update = Update(name, optimizer.iterations, updated)
        now.update, now.clipped = update, ()
        with traces.added():
            observer.before_update(update)
        result = original(gradients, variables)
        clipped: list[int] = list(now.clipped)
        expected = len(updated)
        now.update = None
        # Run eagerly, a micro-batch that only accumulates its gradient clips nothing.
        may_skip = tf.executing_eagerly() and optimizer.gradient_accumulation_steps
        if clipped == [expected]:
            with traces.added():
                observer.after_update(update)
        elif expected and not (may_skip and not clipped):
            observer.at_failure(
                optimizers.no_hook(optimizer)
                if optimizers.may_change_gradients(optimizer)
                else internals.changed(
                    f"Optimizer.apply to call {internals.CLIP_GRADIENTS} once "
                    f"with {expected} gradients (received {clipped})"
                )
            )
        return result

    def _clip(self, optimizer, original, unclipped):
        measured: Sequence[tf.Tensor] = []
        with traces.added():
            try:
                measured = self._tell(optimizer, unclipped)
            except Exception as error:
                self._observer.at_failure(error)
            by_xla = is_for_xla()
            with tf.control_dependencies(measured):
                unclipped = [exact.released(x, by_xla) for x in unclipped]
        return original(unclipped)

    def _tell(self, optimizer, unclipped):
        now = self._now
        if now.update is None:
            raise optimizers.no_hook(optimizer)
        now.clipped += (len(unclipped),)
        gradients = list(map(tf.convert_to_tensor, unclipped))
        if now.given is not None and not optimizer.gradient_accumulation_steps:
            given = [now.given[id(v)] for v in now.update.variables]
            gradients = list(map(tf.convert_to_tensor, given))
            if optimizer.loss_scale_factor is not None:
                gradients = [x / optimizer.loss_scale_factor for x in gradients]
        with tf.control_dependencies([tf.convert_to_tensor(optimizer.iterations)]):
            seen = list(map(exact.read_again, gradients))
        return self._observer.at_update(now.update, seen)

    def _call(self, layer, original, *args, **kwargs):
        output = original(*args, **kwargs)
        with traces.added():
            self._observer.at_output(layer, output)
        return output
