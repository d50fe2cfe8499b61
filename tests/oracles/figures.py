"""What a reader of a figure needs: texts that can be read."""

import itertools
from unittest import mock

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text


def check_texts(figure):
    """Checks that every text lies inside of the figure, and upon no other."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    drawn, draw = {}, Text.draw

    def noted(text, renderer, *args, **kwargs):
        if text.get_visible() and text.get_text().strip():
            drawn[text] = text.get_window_extent(renderer).padded(-1)
        draw(text, renderer, *args, **kwargs)

    # Not by looking for texts: some ticks have labels that are never drawn.
    with mock.patch.object(Text, "draw", noted):
        figure.draw(renderer)
    assert drawn
    for text, box in drawn.items():
        inside = box.x0 >= 0 and box.y0 >= 0
        inside &= box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
        assert inside, f"{text.get_text()!r} is cut off: {box}, of {figure.bbox}"
    for (one, its), (other, box) in itertools.combinations(drawn.items(), 2):
        upon = its.overlaps(box)
        assert not upon, f"{one.get_text()!r} lies upon {other.get_text()!r}"
