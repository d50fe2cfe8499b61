"""A picture as PNG."""

import io
import pathlib

from matplotlib.figure import Figure

from xorlab.files import write_atomically


def encoded(figure: Figure) -> bytes:
    """Returns a picture as PNG; the same figure gives the same bytes."""
    png = io.BytesIO()
    figure.savefig(png, format="png")
    return png.getvalue()


def save(figure: Figure, path: pathlib.Path) -> None:
    """Writes a picture as PNG.

    Raises:
        OSError: it cannot be written.
    """
    write_atomically(path, encoded(figure))
