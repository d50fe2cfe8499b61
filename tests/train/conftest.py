"""Short runs take longer to draw than to train; `test_album.py` draws them."""

import pytest

from xorlab.train.album import Album


@pytest.fixture(autouse=True)
def undrawn(monkeypatch):
    """No pictures are drawn of runs that a test makes."""
    monkeypatch.setattr(Album, "write", lambda album, log: None)
