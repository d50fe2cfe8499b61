"""Clones of a compiled model that may be trained, and changed, in its place."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np

from xorlab.steps import internals, naming

# What is to stand in a layer's place; None for a layer like it.
LayerChange = Callable[[keras.Layer], keras.Layer | None]


class Clones:
    """Makes clones of a model: layers by their configs, weights, optimizer and loss.

    Layers that cannot be built anew are the model's own in each clone; so are those
    that were adapted to data, which no training changes.

    Args:
        model: built, and compiled with one optimizer.

    Attributes:
        model: that one.
        has_parts: whether single layers can be changed; those of a model whose class
            makes them itself cannot.
        not_rebuilt: names of the layers that clones share with the model.

    Raises:
        ValueError: the model cannot be cloned; the message says what is missing.
    """

    def __init__(self, model: keras.Model):
        optimizer = getattr(model, "optimizer", None)
        if not isinstance(optimizer, keras.optimizers.Optimizer):
            raise ValueError(
                "model: expected a keras.Model that is compiled with one optimizer; "
                f"received {type(model).__name__} with {optimizer!r}; compile it, or "
                "train it with xorlab.callbacks.TensorBoard"
            )
        self.model = model
        self.not_rebuilt: list[str] = []
        # Whether they are registered with Keras or not.
        layers = (model, *naming.layers_of(model).values())
        self._types = {type(layer).__name__: type(layer) for layer in layers}
        self.has_parts = isinstance(model, keras.Sequential | keras.Function)
        if self.has_parts:
            clone, _ = self._of_parts(lambda layer: None)
            self.has_parts = type(clone) is type(model)

    def clone(
        self,
        change: LayerChange = lambda layer: None,
        optimizer: Mapping[str, Any] | None = None,
        loss: Any = None,
    ) -> keras.Model:
        """Returns a clone; it starts from where the model is.

        Args:
            change: says which layers are others.
            optimizer: what in its config is to be otherwise.
            loss: to take in place of the model's.
        """
        model, own = self.model, self.model.optimizer
        if self.has_parts:
            clone, pairs = self._of_parts(change)
        else:
            clone = self._of_config()
            pairs = [(model, clone)]
        try:
            config = {**own.get_config(), **(optimizer or {})}
            clone.compile(
                optimizer=type(own).from_config(config),
                loss=model.loss if loss is None else loss,
                loss_weights=internals.loss_weights(model),
                run_eagerly=model.run_eagerly,
                # A program would take longer to compile than it is used.
                jit_compile=False,
            )
        except Exception as error:
            # Such as a schedule without get_config, or a compile of the user's own.
            raise ValueError(
                "model: expected one that can be compiled anew, its optimizer by its "
                f"config; received {type(model).__name__} with {type(own).__name__}, "
                f"where that fails ({type(error).__name__}: {error}); give schedules "
                "a get_config, and compile of your own Keras's arguments, or train "
                "the model with xorlab.callbacks.TensorBoard"
            ) from error
        for before, after in pairs:
            _copy(before, after)
        for layer in _apart(clone, model):
            if hasattr(layer, "finalize_state"):
                layer.finalize_state()  # An adapted layer takes it from its variables.
        clone.optimizer.build(clone.trainable_variables)
        # What it remembers is of these weights alone, and at this rate.
        if own.built and not optimizer and _shapes(own) == _shapes(clone.optimizer):
            _copy(own, clone.optimizer)
        return clone

    def _of_parts(self, change):
        pairs = []

        def again(layer):
            if not isinstance(layer, keras.Layer):
                return layer  # Such as x + y, which holds nothing.
            new = change(layer)
            # What stands for a layer and what follows it begins with a layer like it.
            like = new.layers[0] if isinstance(new, keras.Sequential) else new
            if new is None:
                new = like = self._again(layer)
            pairs.append((layer, like))
            return new

        with _as_if_not_compiled(self.model):
            clone = keras.models.clone_model(
                self.model, clone_function=again, recursive=True
            )
        return clone, pairs

    def _again(self, layer):
        if hasattr(layer, "adapt"):
            return layer
        try:
            with keras.saving.custom_object_scope(self._types):
                return type(layer).from_config(layer.get_config())
        except Exception:
            # Whatever the constructor of a user's own layer does.
            if layer.variables and layer.name not in self.not_rebuilt:
                self.not_rebuilt.append(layer.name)
            return layer

    def _of_config(self):
        model = self.model
        try:
            with keras.saving.custom_object_scope(self._types):
                clone = type(model).from_config(model.get_config())
            if not clone.built:
                clone.build_from_config(model.get_build_config())
            if len(clone.variables) != len(model.variables):
                raise ValueError("weights are missing")
        except Exception as error:
            raise ValueError(
                "model: expected one that can be built anew from its config; received "
                f"{type(model).__name__}, where that fails ({error}); give it a "
                "get_config, or train it with xorlab.callbacks.TensorBoard"
            ) from error
        return clone

    def check(self, x: Any) -> None:
        """Checks that a clone is what the model is, on rows `x`.

        Raises:
            ValueError: it returns something else, where the model itself returns the
                same each time.
        """
        first, again = _returned(self.model, x), _returned(self.model, x)
        if _are_close(first, again) and not _are_close(
            first, _returned(self.clone(), x)
        ):
            raise ValueError(
                "model: expected one that can be built anew from its config; received "
                f"{type(self.model).__name__}, whose clone returns something else for "
                "the same rows, so that a layer holds what is neither a weight nor in "
                "its get_config; put it there, or train the model with "
                "xorlab.callbacks.TensorBoard"
            )

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Inside, clones may be trained; afterwards the model is as it was before.

        Layers that are shared are trained, and others may count how often they run.
        """
        variables = self.model.variables
        before = [keras.ops.convert_to_numpy(x) for x in variables]
        try:
            yield
        finally:
            for variable, value in zip(variables, before, strict=True):
                variable.assign(value)


def _returned(model, x):
    returned = keras.tree.flatten(model(x, training=False))
    return [keras.ops.convert_to_numpy(x) for x in returned if keras.ops.is_tensor(x)]


def _are_close(some, others):
    pairs = zip(some, others, strict=True)
    return all(np.allclose(a, b, 1e-3, 1e-5, equal_nan=True) for a, b in pairs)


def _apart(clone, model):
    """The layers of a clone that are not the model's own."""
    own = naming.layers_of(model).values()
    return [x for x in naming.layers_of(clone).values() if all(x is not y for y in own)]


def _shapes(optimizer):
    return [tuple(variable.shape) for variable in optimizer.variables]


def _copy(before, after):
    if before is not after:
        for old, new in zip(before.variables, after.variables, strict=True):
            new.assign(old)


@contextlib.contextmanager
def _as_if_not_compiled(model):
    """Inside, Keras does not compile clones: it would need each loss's config."""
    own, before = vars(model), model.compiled
    own["compiled"] = False
    try:
        yield
    finally:
        own["compiled"] = before
