"""What TensorBoard shows of a training at one glance: two pictures, and a page."""

import contextlib
import re
import time
from collections.abc import Iterator, Mapping

from xorlab.eventlog.eventfile import EventFile
from xorlab.eventlog.stepwriter import StepWriter, tag_of
from xorlab.eventlog.summaries import image, layout
from xorlab.pictures.album import GradientAlbum
from xorlab.steps.statistics import StepStatistics

# Of more layers, TensorBoard's chart names them in its own order.
_MOST_SORTED = 40


class Allowance:
    """How much of a process's time drawing may take.

    Args:
        share: of the time since the first training began.
        guess: seconds that a drawing takes, until one was made.
    """

    def __init__(self, share: float, guess: float = 0.5):
        self._share, self._last = share, guess
        self._spent = 0.0
        self._has_ended = False
        self._began = time.monotonic()

    def begin(self) -> None:
        """Takes note that a training begins."""
        if not self._spent:
            self._began = time.monotonic()

    def has_room(self) -> bool:
        """Whether another drawing is within the share."""
        allowed = self._share * (time.monotonic() - self._began)
        return self._spent + self._last <= allowed

    def end(self) -> bool:
        """Takes note that a training ends; returns whether it may be drawn."""
        is_first, self._has_ended = not self._has_ended, True
        return is_first or self.has_room()

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Inside, something is drawn."""
        begin = time.monotonic()
        yield
        self._last = time.monotonic() - begin
        self._spent += self._last


ALLOWANCE = Allowance(share=0.01)


class DrawingWriter(StepWriter):
    """Writes steps, and draws their gradients: layer by layer, and over time.

    They are drawn at the end of a process's first training, whatever it takes. All
    else is within 1% of the process's time: at the end, and after the epochs 1, 2, 4, 8
    and so on. Two pictures take 0.1 to 0.4 s, with the import of matplotlib 1 s.
    """

    _epochs = 0
    _albums: dict[str, GradientAlbum] | None = None
    _is_drawn = True

    def __init__(self, log: EventFile, activations: bool):
        super().__init__(log, activations)
        ALLOWANCE.begin()

    def add(self, statistics: StepStatistics, scalars: Mapping[str, float]) -> None:
        super().add(statistics, scalars)
        rms = statistics.gradient_rms()
        if self._albums is None:
            self._albums = {}
            self._log.summary(layout("The training at a glance", _charts(list(rms))))
        if rms:
            album = self._albums.setdefault(statistics.optimizer, GradientAlbum())
            album.add(statistics.step, rms)
            self._last, self._is_drawn = statistics.step, False

    def end_epoch(self) -> None:
        """Draws, after few epochs and more and more seldom."""
        self._epochs += 1
        is_due = self._epochs & (self._epochs - 1) == 0 and not self._is_drawn
        if is_due and ALLOWANCE.has_room():
            self._draw()

    def end(self) -> None:
        """Draws what was added at last."""
        if not self._is_drawn and ALLOWANCE.end():
            self._draw()

    def _draw(self):
        self._is_drawn = True
        with ALLOWANCE.taken():
            for optimizer, album in (self._albums or {}).items():
                for tag, png in album.drawn().items():
                    self._log.summary(image(tag_of(tag, optimizer), png), self._last)


def _charts(layers):
    """Lays out the page: a subject a chart, the layers as the model has them."""
    over_time = ["^log10_gradient_rms/"]
    if len(layers) <= _MOST_SORTED:
        over_time = [f"^log10_gradient_rms/{re.escape(layer)}$" for layer in layers]
    # Of models with other layers, TensorBoard shows the charts beside each other.
    span = " to ".join(dict.fromkeys([*layers[:1], *layers[-1:]]))
    return {
        "Loss: how wrong the model is": ["^(epoch|batch)_loss$"],
        f"Gradient by layer, {span}, as a power of ten (-45: zero)": over_time,
        "How far a step moves each layer, by its size": ["^update_ratio/"],
        "Learning rate": ["^(epoch_)?learning_rate"],
        "Shares of units that are dead or saturated": ["^(dead|saturated)_units/"],
        "Numbers that are NaN or infinite": ["^(gradient|weight|activation)_not_fin"],
    }
