"""Thousands of networks at once: how often each activation works at each depth.

    from xorlab import sweep

    grid = sweep.Grid(activations=("sigmoid", "relu"), depths=(2, 11), seeds=100)
    columns = sweep.train(grid)  # NumPy arrays, a row a network.
    sweep.run(grid, "logs/sweep/mine")  # The same into files, resumable.

Enters: a `Grid`, whose fields are the flags of `python -m xorlab.sweep`.
Leaves: arrays, or a folder of tables, pictures and event files.
Imports: `capacity`, `checks`, `diagnosis`, `eventlog`, `files`, `models`, `pictures`,
`settings`, `startup`, `work`.

Importing it does not import TensorFlow; training does.
"""

from xorlab.sweep.grid import Cell, Grid
from xorlab.sweep.run import run, train

__all__ = ["Cell", "Grid", "run", "train"]


def __dir__() -> list[str]:
    return __all__
