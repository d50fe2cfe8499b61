"""Every private name that xorlab leans on, and how a change of one is told.

Supported, and tested at both ends: Keras 3.12 to 3.15 on TensorFlow 2.21.
"""

import contextlib
import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import tensorflow as tf

from xorlab.checks import tensorflow_backend

SUPPORTED = "Keras 3.12 to 3.15"

# The last method to see gradients unscaled, accumulated and not yet clipped.
CLIP_GRADIENTS = "_clip_gradients"
# Of two event files that grow in a folder, TensorBoard may read one: ours is Keras's.
_TRAIN_WRITER = "_train_writer"
# It would write another graph, of a model that is trained by a `tf.function`.
_WRITE_GRAPH = "_write_keras_model_train_graph"
# `layers` of a model leaves out what it has besides; layers inside of layers have none.
_FLATTEN_LAYERS = "_flatten_layers"

# Else Keras makes metrics and losses in its first trace, and then traces once more.
_SYMBOLIC_BUILD = "_symbolic_build"
# What Keras's train function calls: the step, traced unless it is run eagerly.
_STEP = "multi_step_on_iterator"

# Summaries of layers take their step from there: a number, which a trace keeps.
_PUSH_WRITER = "_push_writer"

# name: (owner, parameters or None for a property)
_LEANED_ON = {
    CLIP_GRADIENTS: (keras.optimizers.Optimizer, ["self", "grads"]),
    _TRAIN_WRITER: (keras.callbacks.TensorBoard, None),
    _WRITE_GRAPH: (keras.callbacks.TensorBoard, ["self"]),
    _PUSH_WRITER: (keras.callbacks.TensorBoard, ["self", "writer", "step"]),
    _SYMBOLIC_BUILD: (keras.Model, ["self", "iterator", "data_batch"]),
    _FLATTEN_LAYERS: (keras.Layer, ["self", "include_self", "recursive"]),
}


def check() -> None:
    """Checks that this Keras has what xorlab leans on.

    Raises:
        RuntimeError: a private name is missing or takes other parameters, or Keras
            runs on another backend than TensorFlow.
    """
    tensorflow_backend()
    for name, (owner, parameters) in _LEANED_ON.items():
        member = getattr(owner, name, None)
        found = None
        if inspect.isfunction(member):
            found = list(inspect.signature(member).parameters)
        if member is None or found != parameters:
            raise changed(f"{owner.__name__}.{name}{tuple(parameters or ())}")


def train_writer(callback: keras.callbacks.TensorBoard) -> tf.summary.SummaryWriter:
    """Returns the writer of the file that Keras's callback logs training to."""
    return getattr(callback, _TRAIN_WRITER)


def mended(kind: type) -> type:
    """Has a kind of Keras's TensorBoard callback write no graph by itself.

    And has summaries that layers write be of the step that runs, not of the traced one.
    """
    setattr(kind, _WRITE_GRAPH, lambda self: None)
    push = getattr(kind, _PUSH_WRITER)

    def push_a_variable(self, writer, step):
        if self.update_freq != "epoch":
            name = f"_xorlab_{'train' if writer is train_writer(self) else 'val'}_step"
            if not hasattr(self, name):
                setattr(self, name, tf.Variable(step, dtype=tf.int64, trainable=False))
            variable = getattr(self, name)
            variable.assign(step)
            step = variable
        push(self, writer, step)

    setattr(kind, _PUSH_WRITER, push_a_variable)
    return kind


class NotWatchable(RuntimeError):
    """A step of this model, or of this Keras, cannot be told of."""


class NoSuchLayer(NotWatchable, ValueError):
    """A layer was chosen that the model does not have."""


def changed(what: str) -> NotWatchable:
    """The error that says that Keras no longer does what xorlab leans on."""
    return NotWatchable(
        f"Keras {keras.__version__}: expected {what}, as in {SUPPORTED}; it has "
        "changed; install a supported Keras, or train with keras.callbacks.TensorBoard"
    )


def parts_of(layer: keras.Layer) -> list[keras.Operation]:
    """Returns the layers that a layer, or model, holds itself, in order.

    Those of a functional model are in the order of its data, and with them come the
    operations on its tensors that are no layers, such as `x + y`.
    """
    layers = getattr(layer, _FLATTEN_LAYERS)(include_self=False, recursive=False)
    operations = layer.operations if isinstance(layer, keras.Function) else []
    return list(dict.fromkeys([*operations, *layers]))


def built_for(optimizer: keras.optimizers.Optimizer) -> list[keras.Variable]:
    """Returns the variables that an optimizer was built for: none before that.

    Raises:
        RuntimeError: Keras no longer keeps them where xorlab looks.
    """
    variables = getattr(optimizer, "_trainable_variables", None)
    if variables is None:
        raise changed("Optimizer._trainable_variables")
    return list(variables)


def loss_weights(model: keras.Model) -> Any:
    """Returns what a model was compiled with, or None if it has no loss."""
    # The public `get_compile_config` has none where a loss does not say what it is.
    kept = getattr(model, "_compile_loss", None)
    if kept and not hasattr(kept, "_user_loss_weights"):
        raise changed("CompileLoss._user_loss_weights")
    return kept and kept._user_loss_weights


def build_metrics(model: keras.Model, batch: Any) -> None:
    """Makes a compiled model's metrics and losses, for batches of `tf.TensorSpec`s."""
    getattr(model, _SYMBOLIC_BUILD)(data_batch=batch)


def step_of(train_function: Callable) -> Any:
    """Returns the `tf.function` inside a train function as Keras makes it.

    Returns:
        A plain function where steps are run eagerly; None for any other train function.
    """
    if not inspect.isfunction(train_function):
        return None
    return inspect.getclosurevars(train_function).nonlocals.get(_STEP)


def batches_applied(optimizer: keras.optimizers.Optimizer) -> int:
    """Returns how many batches an optimizer was given gradients of, in all its life.

    Under gradient accumulation several make an update.

    Raises:
        RuntimeError: Keras no longer counts them where xorlab looks.
    """
    # The public `iterations` counts updates, of which accumulation makes one of many.
    count = getattr(optimizer, "_iterations", None)
    if count is None:
        raise changed("Optimizer._iterations")
    # By a tensor: under a distribution strategy there is one on each replica.
    return int(tf.convert_to_tensor(count))


def last_learning_rate(optimizer: keras.optimizers.Optimizer) -> float:
    """Returns the learning rate of an optimizer's last batch.

    Raises:
        RuntimeError: Keras no longer has it where xorlab looks.
    """
    # The public `learning_rate` of a schedule is already that of the next batch.
    rate = getattr(optimizer, "_learning_rate", None)
    if rate is None:
        raise changed("Optimizer._learning_rate")
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        rate = rate(batches_applied(optimizer) - 1)
    elif callable(rate) and not isinstance(rate, keras.Variable):
        rate = rate()
    # By a tensor: under a distribution strategy there is one on each replica.
    return float(tf.convert_to_tensor(rate))


def updated_variables(
    gradients: Iterable[tf.Tensor | None], variables: Iterable[keras.Variable]
) -> list[keras.Variable]:
    """Returns the variables that an update by gradients will change, in Keras's order.

    Those without a gradient are left alone, and those of quantised layers that take
    their gradient for their value are no update's.
    """
    return [
        variable
        for gradient, variable in zip(gradients, variables, strict=True)
        if gradient is not None
        and not getattr(variable, "overwrite_with_gradient", False)
    ]


@contextlib.contextmanager
def around_functions(around: Callable) -> Iterator[None]:
    """Inside, a call of any `tf.function` calls `around(original, function, ...)`."""
    kind = type(tf.function(lambda: None))
    original = kind.__call__

    def call(function: Any, *args: Any, **kwargs: Any) -> Any:
        return around(original, function, *args, **kwargs)

    # No instance's own `__call__` is looked up.
    kind.__call__ = call
    try:
        yield
    finally:
        kind.__call__ = original


def clone_of(function: Any) -> Any:
    """Returns a `tf.function` of the same kind that has no traces yet.

    Raises:
        NotWatchable: TensorFlow no longer makes them where xorlab looks.
    """
    clone = getattr(function, "_clone", None)
    if clone is None:
        raise _tensorflow_changed("tf.function to have _clone")
    return clone(None)


def resource_of(writer: tf.summary.SummaryWriter) -> tf.Tensor:
    """Returns the resource of a writer of event files, for `tf.raw_ops`.

    Raises:
        RuntimeError: TensorFlow no longer has it where xorlab looks.
    """
    # What the public way to write a record adds takes longer than the record.
    resource = getattr(writer, "_resource", None)
    if resource is None:
        raise _tensorflow_changed("SummaryWriter._resource")
    return resource


def _tensorflow_changed(what):
    return NotWatchable(
        f"TensorFlow {tf.__version__}: expected {what}, as in TensorFlow 2.21; it has "
        "changed; install that"
    )
