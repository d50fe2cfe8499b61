"""What a run takes of a machine, by formula; no TensorFlow."""

from xorlab import capacity
from xorlab.models.activations import ACTIVATIONS
from xorlab.models.size import count
from xorlab.train.config import Config

# Measured at 16 and 64 million weights: bytes a weight at the peak, counting with.
_COUNTED, _NOT_COUNTED = 76, 42
# Measured: bytes a logged step of a layer, and of a row of its five histograms.
_SCALARS, _ROW = 120, 5 * 24
# Rows of a histogram: so many a unit, until all magnitudes that occur have theirs.
_ROWS_A_UNIT, _MOST_ROWS = 3, 60


def check(config: Config) -> None:
    """Checks that this machine holds the network of a run, and its logs.

    Raises:
        TooLarge: it does not.
    """
    capacity.check_memory(memory(config), "depth, width")
    capacity.check_disk(disk(config), config.run_dir, "steps, log_every")


def memory(config: Config) -> int:
    """Returns the bytes that training takes at its peak, TensorFlow's own aside.

    That is the number of weights, times a number that was measured with plain gradient
    descent. Other optimizers remember more.
    """
    pieces = ACTIVATIONS[config.activation].pieces
    weights = count(config.depth, config.width, pieces)
    return weights * (_COUNTED if config.histograms else _NOT_COUNTED)


def disk(config: Config) -> int:
    """Returns the bytes of all logged steps: every layer's scalars and histograms."""
    rows = min(_ROWS_A_UNIT * config.width, _MOST_ROWS) if config.histograms else 0
    logged = config.steps // config.log_every + 1
    return logged * config.depth * (_SCALARS + _ROW * rows)
