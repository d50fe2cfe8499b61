"""A picture as PNG."""

import io
import pathlib

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from xorlab.files import write_atomically


def encoded(figure: Figure) -> bytes:
    """Returns a picture as PNG; the same figure gives the same bytes.

    Of 256 colours, which are enough here, and a third of the size: logs hold pictures.
    """
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    png = io.BytesIO()
    image.quantize(256, dither=Image.Dither.NONE).save(png, "PNG")
    return png.getvalue()


def save(figure: Figure, path: pathlib.Path) -> None:
    """Writes a picture as PNG.

    Raises:
        OSError: it cannot be written.
    """
    write_atomically(path, encoded(figure))
