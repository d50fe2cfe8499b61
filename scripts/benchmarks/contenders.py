"""Programs that train the same deep network, step for step, each in its own way.

Each is made from the same start, `[kernel 1, bias 1, …]` or a model that holds it,
and has `restart()`, `run(steps)` and `weights()`. A step is one full-batch update of
plain gradient descent on the four XOR rows.
"""

import ctypes
import functools
import pathlib
import subprocess
import tempfile

import numpy as np

from xorlab.models import data

LEARNING_RATE = 0.1


class _KerasFit:
    """A Keras model that is compiled as `xorlab.train` compiles its own."""

    def __init__(self, model):
        import keras

        self.model = model
        self._start = model.get_weights()
        model.compile(
            keras.optimizers.SGD(LEARNING_RATE),
            loss="binary_crossentropy",
            metrics=[keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.5)],
            jit_compile=True,
        )

    def restart(self):
        self.model.set_weights(self._start)

    def weights(self):
        return self.model.get_weights()


class OneStepAnEpoch(_KerasFit):
    """`fit` of a plain Keras model, called with arrays."""

    def run(self, steps):
        self.model.fit(data.INPUTS, data.LABELS, batch_size=4, epochs=steps, verbose=0)


class ManyStepsAnExecution(_KerasFit):
    """`fit` of a plain Keras model with `steps_per_execution`, at most 1,000."""

    def run(self, steps):
        import tensorflow as tf

        execution = min(steps, 1_000)
        if execution != self.model.steps_per_execution:
            self.model.steps_per_execution = execution
            self.model.train_function = None  # Keras traces the number into it.
        rows = tf.data.Dataset.from_tensors((data.INPUTS, data.LABELS)).repeat()
        self.model.fit(
            rows,
            epochs=steps // execution,
            steps_per_epoch=execution,
            shuffle=False,
            verbose=0,
        )


class Ours(_KerasFit):
    """`fit` of a `FusedModel`, at most 2,000 steps an execution."""

    callbacks = ()

    def run(self, steps):
        execution = min(steps, 2_000)
        self.model.steps_per_execution = execution
        self.model.fit(
            data.INPUTS,
            data.LABELS,
            epochs=steps // execution,
            callbacks=list(self.callbacks),
            verbose=0,
        )


class OursLogged(Ours):
    """The same, with everything logged that `xorlab.train` logs.

    Args:
        model: a `FusedModel`.
        stack: ends the logging when it is left.
    """

    def __init__(self, model, stack):
        super().__init__(model)

        from xorlab.eventlog.eventfile import EventFile, OwnRecords
        from xorlab.steps import StepTap
        from xorlab.train.recorder import Recorder

        tap = StepTap(model, rows=len(data.INPUTS))
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        log = EventFile(OwnRecords(pathlib.Path(folder)))
        stack.callback(log.close, succeeded=True)
        stack.enter_context(tap.attached())
        self.callbacks = [Recorder(tap, log)]


class NumPy:
    """Backpropagation written out, in float32."""

    def __init__(self, start):
        self._start = start
        self.restart()

    def restart(self):
        self._weights = [weight.copy() for weight in self._start]

    def weights(self):
        return self._weights

    def run(self, steps):
        kernels, biases = self._weights[::2], self._weights[1::2]
        last = len(kernels) - 1
        for _ in range(steps):
            outputs = [data.INPUTS]
            for n, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
                z = outputs[-1] @ kernel + bias
                outputs.append(np.maximum(z, 0) if n < last else 1 / (1 + np.exp(-z)))
            slope = (outputs[-1] - data.LABELS) / np.float32(len(data.LABELS))
            for n in range(last, -1, -1):
                below = (slope @ kernels[n].T) * (outputs[n] > 0)
                kernels[n] -= LEARNING_RATE * (outputs[n].T @ slope)
                biases[n] -= LEARNING_RATE * slope.sum(0)
                slope = below


class C:
    """The loops of `step.c`, compiled here."""

    def __init__(self, start):
        with tempfile.TemporaryDirectory() as folder:
            library = pathlib.Path(folder) / "step.so"
            source = pathlib.Path(__file__).with_name("step.c")
            flags = ["-O2", "-shared", "-fPIC"]
            subprocess.run(["cc", *flags, source, "-o", library, "-lm"], check=True)
            self._train = ctypes.CDLL(library).train
        self._train.restype = None
        self._start = start
        widths = [len(start[0])] + [bias.size for bias in start[1::2]]
        self._widths = np.array(widths, np.intc)
        self.restart()

    def restart(self):
        self._weights = np.concatenate([weight.ravel() for weight in self._start])

    def weights(self):
        ends = np.cumsum([weight.size for weight in self._start])
        parts = np.split(self._weights, ends[:-1])
        return [p.reshape(w.shape) for p, w in zip(parts, self._start, strict=True)]

    def run(self, steps):
        self._train(
            len(self._widths) - 1,
            np.ctypeslib.as_ctypes(self._widths),
            int(self._widths.max()),
            np.ctypeslib.as_ctypes(self._weights),
            len(data.INPUTS),
            np.ctypeslib.as_ctypes(data.INPUTS.ravel()),
            np.ctypeslib.as_ctypes(data.LABELS.ravel()),
            ctypes.c_float(LEARNING_RATE),
            ctypes.c_long(steps),
        )


class Torch:
    """PyTorch's modules and optimizer, eager."""

    def __init__(self, start):
        import torch

        layers = []
        for kernel in start[::2]:
            layers += [torch.nn.Linear(*kernel.shape), torch.nn.ReLU()]
        self._network = torch.nn.Sequential(*layers[:-1], torch.nn.Sigmoid())
        self._start = [torch.tensor(weight.T) for weight in start]
        self._loss = torch.nn.BCELoss()
        self._optimizer = torch.optim.SGD(self._network.parameters(), LEARNING_RATE)
        self._x, self._y = torch.tensor(data.INPUTS), torch.tensor(data.LABELS)
        self.restart()

    def restart(self):
        for weight, start in zip(self._network.parameters(), self._start, strict=True):
            weight.data.copy_(start)

    def weights(self):
        return [weight.detach().numpy().T for weight in self._network.parameters()]

    def run(self, steps):
        for _ in range(steps):
            self._optimizer.zero_grad()
            self._loss(self._network(self._x), self._y).backward()
            self._optimizer.step()


class Jax:
    """JAX: all steps are one `lax.scan` under `jit`."""

    def __init__(self, start):
        import jax
        import jax.numpy as jnp

        def cost(layers):
            outputs = data.INPUTS
            for kernel, bias in layers[:-1]:
                # Not jnp.maximum: its slope at 0 is a half, here it is 0.
                outputs = jax.nn.relu(outputs @ kernel + bias)
            kernel, bias = layers[-1]
            h = jax.nn.sigmoid(outputs @ kernel + bias)
            y = data.LABELS
            return -jnp.mean(y * jnp.log(h) + (1 - y) * jnp.log(1 - h))

        def step(layers, _):
            slopes = jax.grad(cost)(layers)
            return jax.tree.map(
                lambda w, g: w - LEARNING_RATE * g, layers, slopes
            ), None

        @functools.partial(jax.jit, static_argnums=1)
        def train(layers, steps):
            return jax.lax.scan(step, layers, length=steps)[0]

        layers = list(zip(start[::2], start[1::2], strict=True))
        self._start = jax.tree.map(jnp.asarray, layers)
        self._train = train
        self.restart()

    def restart(self):
        self._layers = self._start

    def weights(self):
        return [np.asarray(weight) for layer in self._layers for weight in layer]

    def run(self, steps):
        import jax

        self._layers = jax.block_until_ready(self._train(self._layers, steps))
