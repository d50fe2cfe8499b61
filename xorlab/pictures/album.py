"""The gradients of a training as it goes on, and what is drawn of them so far."""

from collections.abc import Mapping

from xorlab.pictures.gradients import gradients_by_layer, gradients_over_time
from xorlab.pictures.png import encoded

# Columns of a heat map, which has no more pixels than a few for each.
_MOST_STEPS = 128


class GradientAlbum:
    """Keeps the gradients of some steps, however many there are, and draws them.

    Args:
        title: of what trains.
    """

    def __init__(self, title: str = "gradients"):
        self._title = title
        self._kept: dict[int, Mapping[str, float]] = {}
        self._last: dict[int, Mapping[str, float]] = {}
        self._apart = 1
        self._added = 0

    def add(self, step: int, gradient_rms: Mapping[str, float]) -> None:
        """Keeps a step's gradient RMS by layer; of many steps, every so-manieth."""
        if self._added % self._apart == 0:
            self._kept[step] = gradient_rms
        self._added += 1
        self._last = {step: gradient_rms}
        if len(self._kept) > _MOST_STEPS:
            self._kept = dict(list(self._kept.items())[::2])
            self._apart *= 2

    @property
    def steps(self) -> dict[int, Mapping[str, float]]:
        """Gradient RMS by step, with the first and the last."""
        return self._kept | self._last

    def drawn(self) -> dict[str, bytes]:
        """Returns PNG files by tag; none before the first step."""
        if not self._last:
            return {}
        first = dict(list(self._kept.items())[:1])
        by_layer = gradients_by_layer({self._title: first | self._last})
        return {
            "pictures/1_gradients_by_layer": encoded(by_layer),
            "pictures/2_gradients_over_time": encoded(gradients_over_time(self.steps)),
        }
