"""What a clone of a model tells: why that does not learn, and what would help.

Enters: a compiled Keras model, and data.
Leaves: a verdict, with the cures that were tried; the model stays as it is.
Imports: `checks`, `diagnosis`, `models`, `steps`, `watching`.
"""

from xorlab.trial.diagnose import diagnose

__all__ = ["diagnose"]


def __dir__() -> list[str]:
    return __all__
