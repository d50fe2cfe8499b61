"""A picture as PNG."""

import functools
import io
import pathlib

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font_names
from matplotlib.text import Text
from PIL import Image

from xorlab.files import write_atomically

# Of what matplotlib brings no letters for, such as a run's name in Korean.
MORE_LETTERS = (
    "NanumGothic",
    "Noto Sans CJK KR",
    "Noto Sans CJK JP",
    "Malgun Gothic",
    "Apple SD Gothic Neo",
)


@functools.cache
def _fonts():
    return ["DejaVu Sans", *(set(MORE_LETTERS) & set(get_font_names()))]


def encoded(figure: Figure) -> bytes:
    """Returns a picture as PNG; the same figure gives the same bytes.

    Of 256 colours, which are enough here, and half of the size: logs hold pictures. No
    colour is more than a few of 255 off, however few pixels it has: bars of colours
    stay smooth.
    """
    for text in figure.findobj(Text):
        text.set_fontfamily(_fonts())
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    png = io.BytesIO()
    fewer = image.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    fewer.save(png, "PNG")
    return png.getvalue()


def save(figure: Figure, path: pathlib.Path) -> None:
    """Writes a picture as PNG.

    Raises:
        OSError: it cannot be written.
    """
    write_atomically(path, encoded(figure))
