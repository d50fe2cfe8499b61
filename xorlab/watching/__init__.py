"""When a step is logged, what is written of it, and how the training is judged.

Enters: a training, step by step.
Leaves: its log, and the verdict in it and on the terminal.
Imports: `checks`, `diagnosis`, `eventlog`, `pictures`, `steps`.
"""

from xorlab.watching.anatomy import what_if_unseen
from xorlab.watching.terminal import Terminal
from xorlab.watching.verdicts import Verdicts
from xorlab.watching.watch import Watch
from xorlab.watching.witness import Witness

__all__ = ["Terminal", "Verdicts", "Watch", "Witness", "what_if_unseen"]


def __dir__() -> list[str]:
    return __all__
