"""Keras models, healthy and sick in known ways, on tasks that nobody tuned on."""

import collections
import dataclasses
import functools
import itertools
import math
import pathlib
import pickle
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf
import tqdm
from keras import layers

from xorlab.diagnosis import Evidence, Verdict, judge
from xorlab.diagnosis.tried import recommended
from xorlab.files import write_atomically
from xorlab.trial.batches import Batches
from xorlab.trial.clones import Clones
from xorlab.trial.facts import with_data
from xorlab.trial.remedies import outcome, try_remedies
from xorlab.trial.training import step, watched_steps
from xorlab.watching.anatomy import evidence_of

STEPS, SEEN = 600, 60  # A tenth.
TASKS = ("blobs", "circles", "moons", "digits")
# Of each: family, its arguments, and the optimizer with its rate.
HEALTHY = (
    ("dense", {"depth": 2, "activation": "relu"}, ("Adam", 3e-3)),
    ("dense", {"depth": 4, "activation": "relu"}, ("SGD", 0.1)),
    ("dense", {"depth": 6, "activation": "tanh"}, ("Adam", 3e-3)),
    ("dense", {"depth": 3, "activation": "sigmoid"}, ("Adam", 1e-2)),
    ("dense", {"depth": 10, "activation": "elu"}, ("Adam", 1e-3)),
    ("normalized", {"depth": 8}, ("SGD", 0.1)),
    ("normalized", {"depth": 30}, ("Adam", 3e-3)),
    ("residual", {"depth": 12}, ("Adam", 1e-3)),
    ("convolution", {}, ("Adam", 3e-3)),
    ("recurrent", {}, ("Adam", 1e-2)),
)
SICK = (
    ("vanishing", "dense", {"depth": 12, "activation": "sigmoid"}, ("SGD", 0.1)),
    ("vanishing", "dense", {"depth": 20, "activation": "sigmoid"}, ("Adam", 1e-3)),
    ("dead", "dense", {"depth": 5, "activation": "relu"}, ("Adam", 1e-3)),
    ("exploding", "dense", {"depth": 8, "activation": "linear"}, ("SGD", 0.01)),
    ("start", "dense", {"depth": 8, "activation": "relu"}, ("SGD", 0.1)),
    ("saturated", "dense", {"depth": 6, "activation": "tanh"}, ("SGD", 0.01)),
    ("rate_too_large", "dense", {"depth": 4, "activation": "relu"}, ("SGD", 50.0)),
    ("rate_too_large", "convolution", {}, ("Adam", 3.0)),
    ("rate_too_large", "dense", {"depth": 4, "activation": "tanh"}, ("Adam", 3.0)),
    ("rate_too_small", "dense", {"depth": 3, "activation": "relu"}, ("SGD", 1e-6)),
    ("rate_too_small", "convolution", {}, ("Adam", 1e-8)),
    ("collapsed", "dense", {"depth": 4, "activation": "tanh"}, ("SGD", 0.1)),
    ("constant", "dense", {"depth": 4, "activation": "relu"}, ("Adam", 1e-3)),
    ("output", "dense", {"depth": 3, "activation": "relu"}, ("Adam", 1e-3)),
    ("labels", "dense", {"depth": 3, "activation": "relu"}, ("Adam", 1e-3)),
    ("input", "dense", {"depth": 3, "activation": "tanh"}, ("SGD", 0.1)),
    ("not_finite", "dense", {"depth": 3, "activation": "relu"}, ("Adam", 1e-3)),
)
# Seeds from 0: odd ones are there for choosing; of this one, advice is tried.
_SEEDS, _ADVISED = 4, 2
# What says the same of a plan.
ALSO_RIGHT = {
    "rate_too_large": {"diverged"},
    "exploding": {"overflow"},
    "collapsed": {"constant"},
}


@dataclasses.dataclass(frozen=True)
class Case:
    """One model on one task; `sick` is the planted cause, or empty."""

    task: str
    sick: str
    family: str
    arguments: tuple[tuple[str, object], ...]
    optimizer: tuple[str, float]
    seed: int


def cases(quick: bool) -> list[Case]:
    """Returns all cases; those of a seed are beside one another."""
    plans = [("", *plan) for plan in HEALTHY] + list(SICK)
    if quick:
        plans = (
            plans[:1]
            + [x for x in plans if x[0] in ("vanishing", "rate_too_small")][:2]
        )
    tasks = TASKS[-1:] if quick else TASKS
    return [
        Case(task, sick, family, tuple(arguments.items()), optimizer, seed)
        for seed in ((_ADVISED,) if quick else range(_SEEDS))
        for task, (sick, family, arguments, optimizer) in itertools.product(
            tasks, plans
        )
        # Images are those of digits.
        if task == "digits" or family not in ("convolution", "recurrent")
    ]


def is_reported(case: Case) -> bool:
    """Whether nothing is chosen by a case."""
    return case.seed % 2 == 0


@functools.cache
def rows_of(task: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns inputs of about unit scale, and labels."""
    from sklearn import datasets

    if task == "digits":
        x, y = datasets.load_digits(return_X_y=True)
        x = x / 8 - 1
    elif task == "blobs":
        x, y = datasets.make_blobs(600, centers=4, random_state=seed)
        x = (x - x.mean(0)) / x.std(0)
    elif task == "circles":
        x, y = datasets.make_circles(600, noise=0.05, factor=0.5, random_state=seed)
        x = x * 1.5
    else:
        x, y = datasets.make_moons(600, noise=0.1, random_state=seed)
    return x.astype(np.float32), y.astype(np.int32)


def model_of(case: Case) -> tuple[keras.Model, np.ndarray, np.ndarray]:
    """Returns the compiled model of a case, and its rows."""
    x, y = rows_of(case.task, case.seed)
    classes = int(y.max()) + 1
    inputs = keras.Input(x.shape[1:])
    hidden = _FAMILIES[case.family](inputs, **dict(case.arguments))
    is_binary = classes == 2
    loss = "binary_crossentropy" if is_binary else "sparse_categorical_crossentropy"
    ends = "sigmoid" if is_binary else "softmax"
    units = 1 if is_binary else classes
    if case.sick == "output":
        ends = "softmax" if is_binary else "relu"
    outputs = layers.Dense(units, ends)(hidden)
    model = keras.Model(inputs, outputs)
    kind, rate = case.optimizer
    model.compile(getattr(keras.optimizers, kind)(rate), loss)
    x, y = _sicken(case.sick, model, x.copy(), y.reshape(-1, 1) if is_binary else y)
    return model, x, y


def _dense(x, depth, activation):
    start = "he_normal" if activation in ("relu", "elu") else "glorot_uniform"
    for _ in range(depth):
        x = layers.Dense(24, activation, kernel_initializer=start)(x)
    return x


def _normalized(x, depth):
    for _ in range(depth):
        x = layers.Dense(24, use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    return x


def _residual(x, depth):
    x = layers.Dense(24)(x)
    for _ in range(depth // 2):
        inner = layers.LayerNormalization()(x)
        inner = layers.Dense(24, "relu", kernel_initializer="he_normal")(inner)
        x = layers.Add()([x, layers.Dense(24)(inner)])
    return x


def _convolution(x):
    x = layers.Reshape((8, 8, 1))(x)
    x = layers.Conv2D(8, 3, activation="relu", kernel_initializer="he_normal")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(16, 3, activation="relu", kernel_initializer="he_normal")(x)
    return layers.Flatten()(x)


def _recurrent(x):
    return layers.LSTM(16)(layers.Reshape((8, 8))(x))


_FAMILIES = {
    "dense": _dense,
    "normalized": _normalized,
    "residual": _residual,
    "convolution": _convolution,
    "recurrent": _recurrent,
}


def _sicken(sick, model, x, y):
    *hidden, _ = [x for x in model.layers if getattr(x, "kernel", None) is not None]
    scales = {"exploding": 10.0, "start": 0.02, "saturated": 30.0, "constant": 0.0}
    for layer in hidden:
        if sick in scales:
            layer.kernel.assign(layer.kernel * scales[sick])
        if sick == "collapsed":
            layer.kernel.assign(keras.ops.full(layer.kernel.shape, 0.1))
        if sick == "dead":
            layer.bias.assign(keras.ops.full(layer.bias.shape, -10.0))
    if sick == "labels":
        y = y + 1
    if sick == "input":
        x = x * 1e4
    if sick == "not_finite":
        x[:: len(x) // 20, 0] = np.nan
    return x, y


def train(out: pathlib.Path, quick: bool) -> None:
    """Trains all cases that a folder does not hold yet, a file each."""
    plans = collections.defaultdict(list)
    for number, case in enumerate(cases(quick)):
        plans[dataclasses.replace(case, seed=0)].append((number, case))
    with tqdm.tqdm(total=len(cases(quick)), unit=" models", desc="Keras") as bar:
        for of_plan in plans.values():
            # Tracing takes longer than training: one program serves all seeds.
            clone = None
            for number, case in of_plan:
                path = out / f"model{number}.pickle"
                if not path.exists():
                    keras.utils.set_random_seed(case.seed)
                    model, x, y = model_of(case)
                    clone = clone or Clones(model).clone()
                    _begin(clone, model)
                    told = _train(case, model, clone, x, y)
                    write_atomically(path, pickle.dumps((case, *told)))
                bar.update()
            keras.backend.clear_session()


def _begin(clone, model):
    """Gives a clone what a model that has not been trained is."""
    model.optimizer.build(model.trainable_variables)
    for trained, fresh in ((clone, model), (clone.optimizer, model.optimizer)):
        for old, new in zip(trained.variables, fresh.variables, strict=True):
            old.assign(new)


def _train(case, model, clone, x, y):
    """Returns whether it failed, what was seen early, and whether the advice worked."""
    batches = Batches(x, y, 32, case.seed)
    # The clone's layers are called what the first seed's are.
    known = with_data(evidence_of(clone), x, y)
    endless = iter(batches)
    seen = []
    try:
        for each in watched_steps(clone, known, endless, SEEN, batches.first(256)):
            seen.append(each)
        for batch in itertools.islice(endless, STEPS - SEEN):
            if not np.isfinite(step(clone, batch)):
                break
        failed = not _has_learned(clone, case)
    except tf.errors.InvalidArgumentError:  # A label that is no class.
        failed = True
    evidence = dataclasses.replace(
        known, steps=[*known.steps, *seen], steps_left=STEPS - SEEN
    )
    worked = None
    verdict = judge(evidence)
    if case.sick and failed and verdict.findings and case.seed == _ADVISED:
        worked = _advice_works(verdict, Clones(model), evidence, batches)
    return failed, evidence, worked


def _has_learned(model, case):
    """Whether half of the way from the largest class to all rows right was made."""
    x, y = rows_of(case.task, case.seed)
    if case.sick == "input":
        x = x * 1e4
    outputs = np.asarray(model(x))
    named = outputs.argmax(1) if outputs.shape[1] > 1 else outputs[:, 0] > 0.5
    shift = 1 if case.sick == "labels" else 0
    most = np.bincount(y).max() / len(y)
    return bool(np.mean(named == y + shift) > (1 + most) / 2)


def _advice_works(verdict: Verdict, clones: Clones, evidence, batches) -> bool:
    kinds = list(dict.fromkeys(verdict.findings[0].remedies))
    tried = [outcome("as it is", evidence.losses, evidence)]
    # What comes of it is not to hang on how busy the machine is.
    for each in try_remedies(kinds, clones, batches, 4 * SEEN, 0, math.inf):
        tried.append(each)
        if recommended(tried):
            return True
    return False


def judged(
    out: pathlib.Path, quick: bool
) -> Iterator[tuple[Case, bool, Evidence, bool | None]]:
    """Yields each case that was trained: whether it failed, what was seen, the advice.

    Whether the advice worked is None where it was not tried.
    """
    for number in range(len(cases(quick))):
        path = out / f"model{number}.pickle"
        if path.exists():
            yield pickle.loads(path.read_bytes())
