"""A few networks side by side: started, trained by Keras's `fit`, and tested."""

import functools
import itertools
import pathlib
import threading
from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from xorlab.callbacks import TensorBoard
from xorlab.images.data import Images
from xorlab.images.grid import LOGS
from xorlab.images.plan import AT_ONCE
from xorlab.models.fitnet import WIDTHS, fitnet
from xorlab.models.side_by_side import side_by_side, stack
from xorlab.models.starts import start
from xorlab.work.plan import Stopped

MOMENTUM = 0.9  # The authors', as the rule: SGD.
SHAPES = {"digits": (8, 8, 1), "cifar10": (32, 32, 3)}
_WIDTHS = {"digits": tuple(width // 8 for width in WIDTHS), "cifar10": WIDTHS}
_CLASSES = 10
_TESTED_AT_ONCE = 500  # Images, for memory's sake.

# Axis letters: N images, R networks.


class Networks:
    """R networks of one data set and activation, as one compiled Keras model.

    Its `fit` makes `steps` steps as one execution, each an XLA program; batches are
    gathered from images in memory. The loss is the sum of the networks' own, so each
    follows its own gradient.

    Args:
        dataset, activation: as in `Cell`.
        steps: of an execution; `LOGS` executions are a training.

    Attributes:
        busy: a lock, for whoever uses them.
    """

    def __init__(self, dataset: str, activation: str, steps: int):
        self.one = fitnet(activation, SHAPES[dataset], _WIDTHS[dataset], _CLASSES)
        self.model = side_by_side(self.one, AT_ONCE[dataset])
        self.busy = threading.Lock()
        self._steps = steps
        self._sgd = keras.optimizers.SGD(0.01, momentum=MOMENTUM)
        self.model.compile(
            self._sgd,
            loss=sum_of_losses,
            metrics=[keras.metrics.MeanMetricWrapper(accuracies, name="accuracy")],
            steps_per_execution=steps,
            jit_compile=True,
        )

    def start(self, initializer: str, seeds: Sequence[int], batch: np.ndarray) -> None:
        """Gives the networks their first weights, and forgets what was trained."""
        weights = []
        for seed in seeds:
            start(self.one, initializer, seed, batch)
            weights.append(self.one.get_weights())
        stack(self.model, weights)
        for variable in self._sgd.variables:
            variable.assign(tf.zeros_like(variable))

    def fit(
        self,
        images: Images,
        order: Iterator[np.ndarray],
        learning_rate: float,
        folder: str,
        stopping: Callable[[], bool],
    ) -> None:
        """Trains them, and logs it to a folder.

        Args:
            images: to train on.
            order: which images a step takes, `[N, R]`.
            learning_rate: of each.
            folder: for TensorBoard.
            stopping: asked after each execution.

        Raises:
            Stopped: `stopping` said so.
        """
        self._sgd.learning_rate = learning_rate
        x, y = tf.constant(images.x), tf.constant(images.y)
        board = TensorBoard(folder, write_grads=True, histogram_steps=self._steps)
        # The callback gives its verdict when a `fit` ends: at 5%, and in the end.
        for first_epoch, epochs in ((0, 1), (1, LOGS)):
            # Drawn here: a dataset might fetch more than it hands on.
            part = list(itertools.islice(order, self._steps * (epochs - first_epoch)))
            data = tf.data.Dataset.from_tensor_slices(np.stack(part)).map(
                lambda batch: (tf.gather(x, batch), tf.gather(y, batch))
            )
            self.model.fit(
                data.repeat(),
                initial_epoch=first_epoch,
                epochs=epochs,
                steps_per_epoch=self._steps,
                callbacks=[board, _StopWhen(stopping)],
                shuffle=False,
                verbose=0,
            )

    def told(self, folder: str) -> tuple[str, bytes]:
        """Returns the first verdict that `fit` logged, and its event files as one."""
        paths = sorted(
            pathlib.Path(folder).glob("train/events.out.tfevents.*"),
            key=lambda path: path.stat().st_mtime_ns,
        )
        texts = [
            value.tensor.string_val[0].decode()
            for event in EventFileLoader(str(paths[0])).Load()
            for value in event.summary.value
            if value.tag == "verdict"
        ]
        return texts[0], b"".join(path.read_bytes() for path in paths)

    def test(self, images: Images) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Tests the networks.

        Returns:
            accuracy: `[R]`, on the images that are not trained on.
            loss: `[R]`, their mean cross-entropy.
            finite: `[R]`, whether the loss and all weights are.
        """
        right, losses = [], []
        networks = self.model.input_shape[1]
        for first in range(0, len(images.tested_y), _TESTED_AT_ONCE):
            part = slice(first, first + _TESTED_AT_ONCE)
            x = np.repeat(images.tested_x[part, None], networks, axis=1)
            y = np.repeat(images.tested_y[part, None], networks, axis=1)
            logits = self.model(x, training=False)
            right.append(accuracies(y, logits))
            losses.append(cross_entropies(y, logits))
        loss = np.concatenate(losses).mean(0, dtype=np.float64)
        finite = np.isfinite(loss)
        for weight in self.model.weights:
            finite &= np.isfinite(weight).reshape(networks, -1).all(1)
        return np.concatenate(right).mean(0, dtype=np.float64), loss, finite


def cross_entropies(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Returns the loss of each image and network, `[N, R]`."""
    labels = tf.cast(y, tf.int32)
    return keras.losses.sparse_categorical_crossentropy(
        labels, logits, from_logits=True
    )


def sum_of_losses(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Returns each image's loss, `[N]`: the sum over the networks."""
    return tf.reduce_sum(cross_entropies(y, logits), axis=-1)


def accuracies(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Returns whether each network is right about each image, `[N, R]`: 1 or 0."""
    guessed = tf.argmax(logits, axis=-1, output_type=tf.int32)
    return tf.cast(guessed == tf.cast(y, tf.int32), tf.float32)


class _StopWhen(keras.callbacks.Callback):
    def __init__(self, stopping):
        super().__init__()
        self._stopping = stopping

    def on_train_batch_end(self, batch, logs=None):
        if self._stopping():
            raise Stopped


@functools.cache
def program(dataset: str, activation: str, steps: int) -> Networks:
    """Returns the networks of these settings; they are made and compiled once."""
    return Networks(dataset, activation, steps)
