"""Runs side by side on one page: their pictures, their numbers, and words.

    from xorlab import report

    page = report.page([pathlib.Path("logs/deep-relu-seed22")])  # HTML

Enters: folders that a run, a sweep or the callback has written.
Leaves: one HTML file that needs no other, and no network.
Imports: `checks`, `eventlog`, `files`, `pictures`, `startup`, `train`.

Importing it does not import TensorFlow; reading event files does.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
