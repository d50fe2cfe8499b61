"""The lecture's last table: activations by starts, on images.

    from xorlab import images

    grid = images.Grid(activations=("relu", "sigmoid"), seeds=5)
    images.run(grid, "logs/images/mine")  # Into files, resumable.

Enters: a `Grid`, whose fields are the flags of `python -m xorlab.images`.
Leaves: a folder of tables, a picture and event files.
Imports: `callbacks`, `checks`, `files`, `models`, `pictures`, `settings`, `startup`,
`work`.

Importing it does not import TensorFlow; training does.
"""

from xorlab.images.grid import Cell, Grid
from xorlab.images.run import run

__all__ = ["Cell", "Grid", "run"]


def __dir__() -> list[str]:
    return __all__
