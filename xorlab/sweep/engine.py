"""Many networks of one shape, trained side by side in one XLA program."""

import functools
import os
import threading
import time
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from xorlab.models import data
from xorlab.models.activations import ACTIVATIONS
from xorlab.models.initializers import initial_weights
from xorlab.sweep.grid import Cell
from xorlab.sweep.layouts import NetworksFirst, NetworksLast
from xorlab.sweep.optimizers import RULES, SLOTS
from xorlab.sweep.plan import NARROW, networks_at_once

# XLA reads its flags when it compiles its first program. Unless told, it stops at half
# of the vectors that a processor with AVX-512 has; `benchmark.py sweep` measured 1.6.
_WIDE_VECTORS = "--xla_cpu_prefer_vector_width=512"
if "xla_cpu_prefer_vector_width" not in os.environ.get("XLA_FLAGS", ""):
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {_WIDE_VECTORS}"

NEVER = np.int32(np.iinfo(np.int32).max)


class State(NamedTuple):
    """R networks after `step` updates; the loop of the program carries it.

    Attributes:
        step: updates done.
        weights: `[kernel 1, bias 1, kernel 2, …]`, in the axes of the layout.
        slots: what the optimizer remembers.
        solved_at: `[R]`, the step from which on all rows were right; NEVER.
        diverged: `[R]`, whether the cost was NaN or infinite at an earlier step.
    """

    step: tf.Tensor
    weights: list[tf.Tensor]
    slots: list[tf.Tensor]
    solved_at: tf.Tensor
    diverged: tf.Tensor


class Program:
    """The training of R networks of one activation, depth, width and optimizer.

    No operation mixes networks, so what happens to one is the same to the last bit
    whichever others, finite or not, share the program. Step s is the network after s
    updates, as in `xorlab.train`.

    Args:
        activation, depth, width, optimizer: as in `Cell`.

    Attributes:
        networks: R.
        layout: how the arrays lie; one of `layouts`.
    """

    def __init__(self, activation: str, depth: int, width: int, optimizer: str):
        self.activation = ACTIVATIONS[activation]
        self.widths = [2] + [width] * (depth - 1) + [1]
        self.networks = networks_at_once(width)
        self.layout: NetworksLast | NetworksFirst
        if width <= NARROW:
            self.layout = NetworksLast(self.networks)
        else:
            self.layout = NetworksFirst(self.networks)
        self._update = RULES[optimizer]
        self._slots = SLOTS[optimizer]
        self._compiling = threading.Lock()
        self._compiled = False
        self._run_steps = _as_program(self._steps)
        self._run_look = _as_program(self._look)

    def start(self, networks: list[list[np.ndarray]]) -> State:
        """Returns the untrained state of R networks, weights as `model.weights`."""
        arrays = zip(*networks, strict=True)
        weights = [tf.constant(np.stack(a, self.layout.axis)) for a in arrays]
        return State(
            tf.constant(np.array(0, np.int32)),
            weights,
            [tf.zeros_like(w) for _ in range(self._slots) for w in weights],
            tf.constant(np.full(self.networks, NEVER)),
            tf.constant(np.full(self.networks, False)),
        )

    def compile(self, state: State) -> float:
        """Compiles, unless that is done; returns the seconds this call spent on it."""
        with self._compiling:
            if self._compiled:
                return 0.0
            began = time.perf_counter()
            self.train(state, 0.1, 0)
            self.measure(state)
            self._compiled = True
            return time.perf_counter() - began

    def train(self, state: State, learning_rate: float, steps: int) -> State:
        """Returns the state some updates later."""
        # As arrays, because TensorFlow keeps every number that it is given for good.
        until = np.array(int(state.step) + steps, np.int32)
        rate = np.array(learning_rate, np.float32)
        return self._run_steps(state, tf.constant(rate), tf.constant(until))

    def measure(self, state: State) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Looks at the networks without training them.

        Returns:
            cost: `[R]`.
            accuracy: `[R]`, share of rows on their side of 0.5.
            gradient_rms: `[R, depth]`, input first, as `rms_by_layer` defines it.
        """
        cost, accuracy, gradients = self._run_look(state.weights)
        return cost.numpy(), accuracy.numpy(), self._rms(gradients)

    def inspect(self, state: State) -> tuple[np.ndarray, list[np.ndarray]]:
        """Returns the cost `[R]`, and its gradients by each kernel and bias."""
        cost, _, gradients = self._run_look(state.weights)
        return cost.numpy(), self.each(gradients)

    def each(self, arrays: list[tf.Tensor]) -> list[np.ndarray]:
        """Returns arrays of all networks with these in the last axis."""
        return [np.moveaxis(x.numpy(), self.layout.axis, -1) for x in arrays]

    def _rms(self, gradients):
        flat = [
            np.moveaxis(gradient, -1, 0).reshape(self.networks, -1)
            for gradient in self.each(gradients)
        ]
        layers = zip(flat[::2], flat[1::2], strict=True)
        # float64, because the square of 1e-30 is zero in float32.
        squares = [np.concatenate(pair, 1).astype(np.float64) ** 2 for pair in layers]
        return np.sqrt(np.stack([s.mean(1) for s in squares], 1))

    def _outputs(self, weights):
        """Returns what each layer returns; last `[N, R]`, what the sigmoid is given."""
        outputs = [self.layout.rows(data.INPUTS)]
        *hidden, last = zip(weights[::2], weights[1::2], strict=True)
        for kernel, bias in hidden:
            z = self.layout.affine(outputs[-1], kernel, bias)
            outputs.append(self.layout.activate(self.activation, z))
        outputs.append(self.layout.by_row(self.layout.affine(outputs[-1], *last)))
        return outputs[1:]

    def _look(self, weights):
        """Returns cost and accuracy, `[R]`, and the gradient of each cost."""
        with tf.GradientTape() as tape:
            tape.watch(weights)
            logits = self._outputs(weights)[-1]
            labels = tf.broadcast_to(data.LABELS, logits.shape)
            cost = tf.reduce_mean(
                tf.nn.sigmoid_cross_entropy_with_logits(labels, logits), axis=0
            )
        right = (tf.sigmoid(logits) > 0.5) == (labels > 0.5)
        accuracy = tf.reduce_mean(tf.cast(right, tf.float32), axis=0)
        return cost, accuracy, tape.gradient(cost, weights)

    def _steps(self, state, learning_rate, until):
        def step(state):
            cost, accuracy, gradients = self._look(state.weights)
            weights, slots = self._update(
                state.weights, gradients, state.slots, learning_rate, state.step + 1
            )
            solved_at = tf.minimum(state.solved_at, state.step)
            return (
                State(
                    state.step + 1,
                    weights,
                    slots,
                    tf.where(accuracy == 1, solved_at, NEVER),
                    state.diverged | ~tf.math.is_finite(cost),
                ),
            )

        return tf.while_loop(lambda state: state.step < until, step, (state,))[0]


def _as_program(method):
    # A partial, for which TensorFlow counts on its own: of a method that is traced once
    # for each of many objects, it warns that it is traced often.
    alone = functools.partial(method)
    return tf.function(alone, jit_compile=True, autograph=False)


_program = functools.cache(Program)
_make = threading.Lock()


def program(cell: Cell) -> Program:
    """Returns the program that trains the cell's networks; it is made once."""
    with _make:
        return _program(cell.activation, cell.depth, cell.width, cell.optimizer)


def first_weights(cell: Cell, seed: int) -> list[np.ndarray]:
    """Returns the weights that `xorlab.models.deep` gives this network."""
    activation = ACTIVATIONS[cell.activation]
    return initial_weights(
        cell.initializer,
        seed,
        [2] + [cell.width] * (cell.depth - 1) + [1],
        data.INPUTS,
        activation,
        scale=cell.init_scale,
        pieces=activation.pieces,
    )
