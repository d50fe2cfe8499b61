"""A picture on disk."""

import io
import pathlib

from matplotlib.figure import Figure

from xorlab.files import write_atomically


def save(figure: Figure, path: pathlib.Path) -> None:
    """Writes a picture; the same figure gives the same bytes.

    Raises:
        OSError: it cannot be written.
    """
    png = io.BytesIO()
    figure.savefig(png, format="png")
    write_atomically(path, png.getvalue())
