"""The lecture's command: one network, trained and logged.

Enters: a `Config`, whose fields are the flags of `python -m xorlab.train`.
Leaves: a folder with an event file and `result.json`.
Imports: `capacity`, `checks`, `diagnosis`, `eventlog`, `files`, `models`, `pictures`,
`provenance`, `settings`, `startup`, `steps`, `trial`.

    from xorlab import train

    result = train.run(train.Config(activation="sigmoid", steps=1000))

Importing it does not import TensorFlow; running does.
"""

from xorlab.train.config import Config
from xorlab.train.run import run

__all__ = ["Config", "run"]


def __dir__() -> list[str]:
    return __all__
