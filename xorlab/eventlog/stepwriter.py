"""Writing what steps did, soon, and many at once."""

import functools
import math
import threading
from collections.abc import Mapping

from xorlab.eventlog.eventfile import EventFile, StepValues
from xorlab.steps.statistics import StepStatistics

# Short steps are written many at once: one by one, each would find the processor's
# caches full of other things, and take longer.
_MOST_WAITING = 2**22  # Bytes of counts.
_LONGEST_WAIT = 0.5  # Seconds.


class StepWriter:
    """Writes the statistics of steps.

    A step is on disk half a second later, however training goes on or ends: what
    waits until then is written by a thread, which the end of the program waits for.

    Args:
        log: where to.
        activations: write those of the layers, too.
    """

    def __init__(self, log: EventFile, activations: bool):
        self._log = log
        self._activations = activations
        self._waiting: list[tuple[StepStatistics, Mapping[str, float]]] = []
        self._timer: threading.Timer | None = None
        self._failure: Exception | None = None
        self._lock = threading.Lock()  # Of all that waits, and of its order.

    def add(self, statistics: StepStatistics, scalars: Mapping[str, float]) -> None:
        """Writes a step soon.

        Args:
            statistics: what the step did.
            scalars: more of them by tag, of the optimizer that made it.

        Raises:
            Exception: what kept earlier steps from being written.
        """
        with self._lock:
            self._raise_failure()
            self._waiting.append((statistics, scalars))
            if len(self._waiting) * statistics.counts.nbytes >= _MOST_WAITING:
                self._write()
            elif self._timer is None:
                self._timer = threading.Timer(_LONGEST_WAIT, self._flush_late)
                self._timer.start()

    def flush(self) -> None:
        """Writes all that waits.

        Raises:
            Exception: what keeps it, or kept earlier steps, from being written.
        """
        with self._lock:
            self._raise_failure()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._write()

    def _flush_late(self):
        with self._lock:
            self._timer = None
            try:
                self._write()
            except Exception as error:
                # Told on standard error now, and to training by its next step.
                self._failure = error
                raise

    def _write(self):
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._log.write([self._values(*each) for each in waiting])

    def _raise_failure(self):
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _values(self, statistics, scalars):
        layers = statistics.layers if self._activations else ()
        tags = _tags(tuple(statistics.weights), tuple(layers))
        counts, ends = statistics.counts[: len(tags)], statistics.ends[: len(tags)]
        of_optimizer = {tag_of(x, statistics.optimizer): y for x, y in scalars.items()}
        scalars = _scalars(statistics) | of_optimizer
        if layers:
            lost = float(sum(statistics.activations_not_finite))
            scalars |= {"activation_not_finite": lost} | statistics.units
        return StepValues(
            statistics.step, scalars, tags, counts, ends, statistics.wall_time
        )


def tag_of(tag: str, optimizer: str) -> str:
    """A tag of what belongs to a whole optimizer; if there are several, by its name.

    >>> tag_of("gradient_norm", ""), tag_of("gradient_norm", "d_optimizer")
    ('gradient_norm', 'gradient_norm/d_optimizer')
    """
    return f"{tag}/{optimizer}" if optimizer else tag


def log10(rms: float) -> float:
    """The logarithm as charts have it: of zero, -45, just below the least float32.

    >>> log10(1e-9), log10(0.0)
    (-9.0, -45.0)
    """
    return math.log10(rms) if rms else -45.0


@functools.lru_cache
def _tags(weights, layers):
    return (
        *(f"{path}/gradient" for path in weights),
        *(f"{path}/weight" for path in weights),
        *(f"{name}/activation" for name in layers),
    )


def _scalars(statistics):
    if not statistics.weights:  # The layers that were chosen have none.
        return {}
    norm = math.sqrt(sum(statistics.gradient_squares))
    lost = float(sum(statistics.gradients_not_finite))
    lost_weights = float(sum(statistics.weights_not_finite))
    scalars = {
        tag_of("gradient_norm", statistics.optimizer): norm,
        tag_of("gradient_not_finite", statistics.optimizer): lost,
        tag_of("weight_not_finite", statistics.optimizer): lost_weights,
    }
    for loss, squares in statistics.loss_squares.items():
        scalars[f"gradient_norm/{loss}"] = math.sqrt(sum(squares))
    for layer, rms in statistics.gradient_rms().items():
        scalars[f"gradient_rms/{layer}"] = rms
        scalars[f"log10_gradient_rms/{layer}"] = log10(rms)
    weights = statistics.by_layer(statistics.weight_squares)
    for layer, change in statistics.by_layer(statistics.change_squares).items():
        # A layer of zeros has no ratio.
        ratio = math.sqrt(change / weights[layer]) if weights[layer] else math.nan
        scalars[f"update_ratio/{layer}"] = ratio
    return scalars
