"""The lecture, told from its first network to its last doubt, in about a minute.

    python -m xorlab.lecture

Enters: a folder.
Leaves: runs and a small sweep in it, and a page, in English and Korean.
Imports: `checks`, `files`, `models`, `pictures`, `report`,
`settings`, `startup`, `sweep`, `train`.

Importing it does not import TensorFlow; telling does.
"""

from xorlab.lecture.tell import Told, tell

__all__ = ["Told", "tell"]


def __dir__() -> list[str]:
    return __all__
