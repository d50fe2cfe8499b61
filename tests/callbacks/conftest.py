"""Pictures take longer than the models here; `test_drawing.py` has them."""

import pytest

from xorlab.pictures.album import GradientAlbum


@pytest.fixture(autouse=True)
def undrawn(monkeypatch):
    """Nothing is drawn; gives what draws, to put it back."""
    drawn = GradientAlbum.drawn
    monkeypatch.setattr(GradientAlbum, "drawn", lambda album: {})
    return drawn
