"""Small models take longer to draw and to compile for than to train; others have both.

Pictures are drawn in `test_drawing.py`, and what is compiled for each size is tried in
`tests/steps/test_measures.py`.
"""

import pytest

from xorlab.pictures.album import GradientAlbum
from xorlab.steps import rows


@pytest.fixture(autouse=True)
def undrawn(monkeypatch):
    """Nothing is drawn; gives what draws, to put it back."""
    drawn = GradientAlbum.drawn
    monkeypatch.setattr(GradientAlbum, "drawn", lambda album: {})
    return drawn


@pytest.fixture(autouse=True)
def few_programs(monkeypatch):
    """Models of all sizes share what XLA compiles to measure them."""
    filled = rows._filled
    monkeypatch.setattr(rows, "_filled", lambda size: filled(max(size, 256)))
