"""How one training step is watched, while Keras makes it.

Enters: a compiled Keras model.
Leaves: what a step computed, as NumPy arrays; training is the same to the last bit.
Imports: `checks`.

A logged step passes three hands: `StepRequests`, or `LoopRequests` of a loop without
`fit`, is what it was asked, `StepMonitor` is what it kept, `StepStatistics` is what is
handed on to be written. `StepTap` does all that for small models, and keeps every array
in full.
"""

from xorlab.steps.statistics import rms_by_layer
from xorlab.steps.tap import Reading, StepTap

__all__ = ["Reading", "StepTap", "rms_by_layer"]


def __dir__() -> list[str]:
    return __all__
