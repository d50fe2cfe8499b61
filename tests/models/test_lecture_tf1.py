"""`fit` follows the lecture's TensorFlow 1 program, step by step."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from oracles.lecture_tf1 import LectureProgram, train

from xorlab import models
from xorlab.models import data

pytestmark = pytest.mark.slow

STEPS = 50
# A relu network that learns from its first step; many start dead.
SEED = 2
# A gradient at the input has passed 11 layers forwards and 11 back, each a sum of at
# most 6 products: some 130 roundings of 2^-24, at most 8e-6 of the largest entry if
# all erred the same way. The last bias is a sum whose terms cancel to a hundredth, so
# that XLA's other order of adding shows there: what was measured is 1.1e-5.
RELATIVE = 5e-5


class Recorder(keras.callbacks.Callback):
    """Keeps the weights after each execution, and the cost before its last step."""

    def __init__(self):
        super().__init__()
        self.weights = {}
        self.costs = {}

    def on_train_batch_begin(self, batch, logs=None):
        self.model.reset_metrics()  # Or Keras logs means over the epoch.

    def on_train_batch_end(self, batch, logs=None):
        step = int(self.model.optimizer.iterations)
        self.weights[step] = self.model.get_weights()
        self.costs[step] = logs["loss"]


@pytest.fixture(scope="module", params=["sigmoid", "relu", "tanh"])
def lecture(request):
    """The activation's name, and the lecture's weights and costs, by step from 0."""
    start = models.deep(request.param, seed=SEED).get_weights()
    program = LectureProgram(start, getattr(tf.nn, request.param))
    weights, costs = [program.weights()], []
    for _ in range(STEPS):
        costs.append(program.cost_and_accuracy()[0])
        program.run(1)
        weights.append(program.weights())
    return request.param, weights, costs


def compiled(model, jit="auto"):
    model.compile(keras.optimizers.SGD(0.1), "binary_crossentropy", jit_compile=jit)
    return model


def fit_fused(model, recorder):
    """Steps one by one, then ten at a time."""
    compiled(model)
    fit = {"callbacks": [recorder], "verbose": 0}
    model.fit(data.INPUTS, data.LABELS, epochs=30, **fit)
    model.steps_per_execution = 10
    model.fit(data.INPUTS, data.LABELS, epochs=2, **fit)


def fit_plain(model, recorder):
    # XLA compiles the others for `fit_fused`.
    plain = compiled(keras.Model(model.inputs, model.outputs), jit=False)
    x, y = (np.tile(rows, (STEPS, 1)) for rows in (data.INPUTS, data.LABELS))
    plain.fit(x, y, batch_size=4, shuffle=False, callbacks=[recorder], verbose=0)


def test_fit_follows_the_lecture_step_by_step(lecture):
    activation, weights, costs = lecture
    # That Keras's own does what the fused one does is tried in `test_fused.py`, too,
    # and for every activation.
    fit = fit_plain if activation == "tanh" else fit_fused
    recorder = Recorder()
    fit(models.deep(activation, seed=SEED), recorder)
    assert max(recorder.weights) == STEPS
    for step, ours in recorder.weights.items():
        assert recorder.costs[step] == pytest.approx(costs[step - 1], rel=RELATIVE)
        for expected, received in zip(weights[step], ours, strict=True):
            allowed = RELATIVE * np.abs(expected).max()
            np.testing.assert_allclose(received, expected, rtol=0, atol=allowed)


def test_every_layer_of_the_lecture_moves(lecture):
    """Or nothing would be compared: a bias is 0 and then the sum of its updates."""
    _, weights, _ = lecture
    for bias in weights[STEPS][1::2]:
        assert np.any(bias)


def test_restart_goes_back_to_the_given_weights():
    start = models.deep("relu", seed=SEED).get_weights()
    program = LectureProgram(start, tf.nn.relu)
    program.run(2)
    program.restart()
    for given, present in zip(start, program.weights(), strict=True):
        np.testing.assert_array_equal(present, given)


def test_train_logs_cost_and_accuracy(tmp_path):
    start = models.handmade().get_weights()
    train(LectureProgram(start, tf.sigmoid), steps=4, log_every=2, logdir=str(tmp_path))

    [path] = tmp_path.iterdir()
    logged = {}
    for record in tf.compat.v1.train.summary_iterator(str(path)):
        for value in record.summary.value:
            logged[record.step, value.tag] = value.simple_value
    assert set(logged) == {(s, tag) for s in (0, 2, 4) for tag in ("cost", "accuracy")}
    assert logged[4, "accuracy"] == 1.0  # The lecture sets these weights to solve XOR.
    assert logged[4, "cost"] < logged[0, "cost"] < 0.1
