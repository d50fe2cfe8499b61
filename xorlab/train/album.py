"""The pictures of a run, for TensorBoard's Images page."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from xorlab.eventlog.summaries import image
from xorlab.models.activations import ACTIVATIONS
from xorlab.pictures import encoded, rows_by_layer, square, surfaces
from xorlab.pictures.album import GradientAlbum
from xorlab.steps.tap import Reading
from xorlab.train.config import Config
from xorlab.train.runlog import RunLog

# How many points are logged when pictures are drawn; and at the end. To draw them takes
# about as long as 100,000 steps.
_DRAWN_AT = (10, 1000, 100_000)
_SURFACES = 4  # At the most, side by side.


class Album:
    """Keeps what is logged of a run, and draws it at a few of its steps.

    Args:
        config: of the run.
    """

    def __init__(self, config: Config):
        self._activation = ACTIVATIONS[config.activation]
        self._gradients = GradientAlbum(config.run_name)
        self._surfaces: dict[int, np.ndarray] = {}
        self._last: tuple[int, Reading] | None = None
        self._added = 0
        self._drawn: int | None = None

    def add(self, step: int, reading: Reading, rms: Mapping[str, float]) -> bool:
        """Takes a logged step; returns whether pictures are due."""
        self._gradients.add(step, rms)
        self._last = step, reading
        # The first, and then where the network has had ten times as long to change.
        if self._added in (0, 1, *_DRAWN_AT):
            self._surfaces[step] = self._hypotheses(reading)
        self._added += 1
        return self._added - 1 in _DRAWN_AT

    def write(self, log: RunLog) -> None:
        """Logs the pictures of what was taken so far, once."""
        if self._last is None or self._drawn == self._last[0]:
            return
        step, reading = self._last
        self._drawn = step
        shown = dict(list(self._surfaces.items())[: _SURFACES - 1])
        shown[step] = self._hypotheses(reading)
        rows = rows_by_layer(reading.activations)
        drawn = self._gradients.drawn() | {
            "pictures/3_decision_surface": encoded(surfaces(shown)),
            "pictures/4_four_rows_by_layer": encoded(rows),
        }
        for tag, png in drawn.items():
            log.summary(image(tag, png), step)

    def _hypotheses(self, reading):
        """What the network of a reading answers at the points of `square`."""
        a = tf.convert_to_tensor(square())
        *hidden, (last, last_bias) = _layers(reading.weights)
        for kernel, bias in hidden:
            a = self._activation(a @ kernel + bias)
        return ACTIVATIONS["sigmoid"](a @ last + last_bias).numpy()


def _layers(weights):
    """Pairs a layer's kernel with its bias, input first."""
    arrays = list(weights.values())
    return zip(arrays[::2], arrays[1::2], strict=True)
