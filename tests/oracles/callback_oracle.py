"""What the callback should have logged, by a GradientTape of our own, and what it did.

A reference model trains plainly, while copies of its state are kept. Afterwards each
step is replayed, eagerly, from its copy.
"""

import collections
import dataclasses
import functools
import operator
import pathlib

import keras
import numpy as np
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from xorlab.callbacks import TensorBoard

ROWS = 4  # in a batch
# What `fit` is told of arrays, and does with them.
ON_ARRAYS = {"batch_size", "sample_weight", "class_weight", "validation_split"}
KERAS_STEP = keras.Model.train_step


def batches_of(*arrays):
    """Cuts arrays, or structures of arrays, into the batches that `fit` makes."""
    rows = len(tf.nest.flatten(arrays[0])[0])
    return [
        tuple(
            tf.nest.map_structure(operator.itemgetter(slice(i, i + ROWS)), x)
            for x in arrays
        )
        for i in range(0, rows, ROWS)
    ]


def fresh(make):
    """Makes a model, alike each time."""
    keras.utils.clear_session(free_memory=False)  # Freeing takes most of the time.
    keras.utils.set_random_seed(7)
    return make()


@functools.cache
def _begun(make):
    model = fresh(make)
    model.optimizer.build(model.trainable_variables)
    variables = model.variables + model.optimizer.variables
    return model, variables, arrays(variables)


def again(make):
    """Returns the one model of a function, as it began; what was traced is kept."""
    model, variables, values = _begun(make)
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return model


def train(make, x, y=None, callbacks=(), **options):
    """Trains a new model, made and fed alike each time; `make` returns it compiled."""
    model = fresh(make)
    if not callbacks and model.built and type(model).train_step is KERAS_STEP:
        # Made in the first trace, its variables would have Keras trace a second time.
        model.optimizer.build(model.trainable_variables)
    fit(model, x, y, callbacks, **options)
    return model


def fit(model, x, y=None, callbacks=(), **options):
    if isinstance(x, np.ndarray | list | tuple | dict):
        if ON_ARRAYS & set(options):
            options.setdefault("batch_size", ROWS)
        else:
            x, y = as_dataset(x, y), None
    options = {"verbose": 0, "shuffle": False, **options}
    return model.fit(x, y, callbacks=list(callbacks), **options)


def as_dataset(x, y=None):
    """Batches arrays as Keras does, whose own way takes longer than a small model."""
    nested = isinstance(x, list | tuple)
    data = keras.tree.lists_to_tuples((x,) if y is None and nested else x)
    if y is not None:
        data = data, keras.tree.lists_to_tuples(y)
    rows = tf.data.Dataset.from_tensor_slices(data)
    options = tf.data.Options()
    # An iterator's end may wait seconds for the thread that tunes it.
    options.autotune.enabled = False
    batches = rows.batch(ROWS, drop_remainder=len(rows) % ROWS == 0)
    return batches.with_options(options)


def watching(log_dir, **options):
    """Makes the callback, without the graph, which takes longest and has its tests."""
    options = {"write_grads": True, "write_graph": False, **options}
    return TensorBoard(log_dir, **options)


def arrays(variables):
    return [tf.convert_to_tensor(v).numpy() for v in variables]


class StateCopies(keras.callbacks.Callback):
    """Copies a model's state before every execution, and at the end."""

    def __init__(self):
        super().__init__()
        self.copies = []

    def on_train_batch_begin(self, batch, logs=None):
        optimizer = self.model.optimizer
        state = arrays(self.model.variables)
        scale = float(optimizer.scale_loss(1.0))
        iterations = int(tf.convert_to_tensor(optimizer.iterations))
        self.copies.append((iterations, scale, state))

    def on_train_end(self, logs=None):
        self.on_train_batch_begin(0)


@dataclasses.dataclass
class Step:
    """A training step as the tape saw it: for each updated weight, by tag."""

    gradients: dict[str, np.ndarray]
    before: dict[str, np.ndarray]
    after: dict[str, np.ndarray]

    def without(self, layers):
        """The same step, without the weights of some layers."""

        def left(arrays):
            return {
                tag: x
                for tag, x in arrays.items()
                if tag.rpartition("/")[0] not in layers
            }

        return Step(left(self.gradients), left(self.before), left(self.after))

    def by_layer(self, arrays):
        """Joins the arrays of each layer's weights to one flat array."""
        parts = collections.defaultdict(list)
        for tag, array in arrays.items():
            # The model's own weights are in no layer.
            layer = tag.rpartition("/")[0] or tag
            parts[layer].append(np.ravel(array).astype(np.float64))
        return {layer: np.concatenate(flat) for layer, flat in parts.items()}


def taped(model, scale, x, y=None, sample_weight=None):
    """Returns the gradients of the loss; loss scaling is put in, and taken out."""
    with tf.GradientTape() as tape:
        loss = model.compute_loss(x, y, model(x, training=True), sample_weight)
        scaled = loss * scale
    gradients = tape.gradient(scaled, model.trainable_variables)
    return [
        None if g is None else np.array(tf.convert_to_tensor(g)) / scale
        for g in gradients
    ]


def true_steps(make, x, y, batches, tape=taped, tags=None, accumulate=1, **options):
    """Replays a plain training of single steps.

    Returns:
        The model so trained, and the true `Step`s by iteration.
    """
    keeper = StateCopies()
    model = train(make, x, y, [keeper], **options)
    if len(keeper.copies[0][2]) < len(model.variables):
        # The first step built it, so build one alike.
        first = fresh(make)
        first(tf.nest.map_structure(tf.convert_to_tensor, batches[0][0]))
        keeper.copies[0][2][:] = arrays(first.variables)
    prefix = f"{model.name}/"
    tags = tags or [v.path.removeprefix(prefix) for v in model.trainable_variables]
    assert len(set(tags)) == len(tags)

    def weights():
        return arrays(model.trainable_variables)

    def restore(state):
        for variable, value in zip(model.variables, state, strict=True):
            variable.assign(value)

    steps, micro = {}, []
    *copies, (_, _, end) = keeper.copies
    ends = [state for _, _, state in copies[1:]] + [end]
    for number, (iteration, scale, state) in enumerate(copies):
        restore(state)
        before = weights()
        micro.append(tape(model, scale, *batches[number % len(batches)]))
        restore(ends[number])
        if len(micro) == accumulate:
            mean = [
                None if g[0] is None else sum(g) / accumulate
                for g in zip(*micro, strict=True)
            ]
            micro = []
            # A skipped step has the iteration of the next one, which takes its place.
            steps[iteration] = Step(
                *(
                    {
                        t: a
                        for t, a, g in zip(tags, arrays, mean, strict=True)
                        if g is not None
                    }
                    for arrays in (mean, before, weights())
                )
            )
    restore(end)
    return model, steps


@dataclasses.dataclass
class Log:
    """What an event file holds: scalars and histograms by tag, then by step."""

    scalars: dict[str, dict[int, float]]
    histograms: dict[str, dict[int, np.ndarray]]
    texts: dict[str, dict[int, str]]
    graph: object


def read(log_dir, run="train"):
    """Reads back, with TensorBoard's own reader, what was logged of the training."""
    events = EventAccumulator(str(pathlib.Path(log_dir, run)), {"tensors": 0})
    events.Reload()
    kinds = collections.defaultdict(dict)
    for tag in events.Tags()["tensors"]:
        kind = events.SummaryMetadata(tag).plugin_data.plugin_name
        kinds[kind][tag] = {
            event.step: tf.make_ndarray(event.tensor_proto)
            for event in events.Tensors(tag)
        }
    scalars = {
        tag: {step: float(value) for step, value in values.items()}
        for tag, values in kinds["scalars"].items()
    }
    graph = events.Graph() if events.Tags()["graph"] else None
    return Log(scalars, kinds["histograms"], kinds["text"], graph)


def assert_true(log, steps, logged, optimizer=None):
    """Asserts that a log tells of these steps, the truth, and of no others.

    Args:
        log: from `read`.
        steps: from `true_steps`.
        logged: the steps that should be logged, ascending.
        optimizer: the name of the one that made them, if there are others.
    """
    some = next(iter(steps.values()))
    layers = some.by_layer(some.gradients)
    gradients = {tag for tag in log.histograms if tag.endswith("/gradient")}
    if optimizer is None:
        assert names(log.scalars, "gradient_rms/") == set(layers)
        assert names(log.scalars, "update_ratio/") == set(layers)
        assert gradients == {f"{tag}/gradient" for tag in some.gradients}
    norms = log.scalars["gradient_norm" + (f"/{optimizer}" if optimizer else "")]
    assert list(norms) == list(logged)
    for number in logged:
        step = steps[number]
        gradients = step.by_layer(step.gradients)
        whole = np.concatenate(list(gradients.values()))
        close(norms[number], np.linalg.norm(whole))
        before, after = step.by_layer(step.before), step.by_layer(step.after)
        for layer, gradient in gradients.items():
            rms = np.sqrt(np.mean(gradient**2))
            close(log.scalars[f"gradient_rms/{layer}"][number], rms)
            change = np.linalg.norm(after[layer] - before[layer])
            ratio = change / np.linalg.norm(before[layer])
            close(log.scalars[f"update_ratio/{layer}"][number], ratio)
        for tag, gradient in step.gradients.items():
            holds(log.histograms[f"{tag}/gradient"][number], gradient)
            holds(log.histograms[f"{tag}/weight"][number], step.before[tag])


def names(scalars, prefix):
    return {tag.removeprefix(prefix) for tag in scalars if tag.startswith(prefix)}


def close(value, truth):
    # 1e-30: a gradient that is zero but for rounding.
    np.testing.assert_allclose(value, truth, rtol=1e-5, atol=1e-30)


def holds(rows, array):
    """Asserts that a histogram has every value, from the smallest to the largest."""
    assert rows[:, 2].sum() == array.size
    # 1e-5, for values next to an edge; 1e-7, for sums that cancel.
    slack = 1e-5 * np.abs(array) + 1e-7
    for outer, extreme in ((rows[0, 0], array.min()), (rows[-1, 1], array.max())):
        assert abs(outer - extreme) <= slack.max()


def assert_same(model, other):
    """Asserts that two models and their optimizers agree to the bit."""
    assert len(model.optimizer.variables) == len(other.optimizer.variables)
    ours = model.variables + model.optimizer.variables
    theirs = other.variables + other.optimizer.variables
    for variable, one, two in zip(ours, arrays(ours), arrays(theirs), strict=True):
        assert np.array_equal(one, two, equal_nan=True), variable.path


def assert_left_alone(model):
    """Asserts that nothing of the callback's is left in a model."""
    optimizer = model.optimizer
    for part in (optimizer, getattr(optimizer, "inner_optimizer", optimizer)):
        assert not {"apply", "_clip_gradients"} & set(vars(part))
    assert not any("call" in vars(layer) for layer in [model, *model.layers])
    assert "make_train_function" not in vars(model)
    function = model.train_function
    assert function is None or function.__module__.startswith("keras.")
