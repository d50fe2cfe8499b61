"""What an event file holds, read by TensorBoard's own loader."""

import dataclasses
import pathlib

import numpy as np
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.plugins.histogram.metadata import PLUGIN_NAME as HISTOGRAMS
from tensorboard.plugins.image.metadata import PLUGIN_NAME as IMAGES
from tensorboard.plugins.scalar.metadata import PLUGIN_NAME as SCALARS
from tensorboard.plugins.text.metadata import PLUGIN_NAME as TEXTS
from tensorboard.util.tensor_util import make_ndarray


@dataclasses.dataclass
class Log:
    """The values of a run's event files, each by tag and then by step.

    Attributes:
        scalars: numbers.
        histograms: `[K, 3]`, left, right and count of each bucket.
        images: PNG files; the first, where a step has several.
        texts: Markdown.
    """

    scalars: dict[str, dict[int, float]] = dataclasses.field(default_factory=dict)
    histograms: dict[str, dict[int, np.ndarray]] = dataclasses.field(
        default_factory=dict
    )
    images: dict[str, dict[int, bytes]] = dataclasses.field(default_factory=dict)
    texts: dict[str, dict[int, str]] = dataclasses.field(default_factory=dict)

    def layers(self, prefix: str) -> dict[int, dict[str, float]]:
        """Returns the scalars `<prefix>/<layer>`, by step and then by layer."""
        steps: dict[int, dict[str, float]] = {}
        for tag, numbers in self.scalars.items():
            if tag.startswith(f"{prefix}/"):
                for step, number in numbers.items():
                    steps.setdefault(step, {})[tag.removeprefix(f"{prefix}/")] = number
        return steps


def read(folder: pathlib.Path) -> Log:
    """Reads all event files of a folder, the oldest first; later values win.

    Records that are not whole, as of a run that goes on, are left out.
    """
    log = Log()
    for path in sorted(folder.glob("*tfevents*")):
        for plugin, tag, step, array in _values(path):
            if plugin == SCALARS:
                log.scalars.setdefault(tag, {})[step] = float(array)
            elif plugin == HISTOGRAMS:
                log.histograms.setdefault(tag, {})[step] = array
            elif plugin == IMAGES:
                # The first two are the width and the height.
                log.images.setdefault(tag, {})[step] = array[2]
            elif plugin == TEXTS:
                text = array.ravel()[0].decode()
                log.texts.setdefault(tag, {})[step] = text
    return log


def _values(path):
    for event in EventFileLoader(str(path)).Load():
        for value in event.summary.value:
            plugin = value.metadata.plugin_data.plugin_name
            yield plugin, value.tag, event.step, make_ndarray(value.tensor)
