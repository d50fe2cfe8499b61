"""What a table is: one frozen record that checks itself; no TensorFlow.

>>> len(Grid().cells), Grid().networks
(50, 250)
"""

import dataclasses
import functools
import itertools

from xorlab.checks import below, different, one_of, positive, whole
from xorlab.models.activations import ACTIVATIONS
from xorlab.models.starts import STARTS
from xorlab.settings import setting

DATASETS = ("digits", "cifar10")
# So often in a training the callback logs, and the verdict is given at the first: 5%.
LOGS = 20


@dataclasses.dataclass(frozen=True)
class Cell:
    """The settings that some networks share; only their seeds differ."""

    dataset: str
    activation: str
    initializer: str
    learning_rate: float
    batch_size: int
    steps: int

    def __str__(self) -> str:
        return f"{self.activation}, {self.initializer}, rate {self.learning_rate:g}"


@dataclasses.dataclass(frozen=True)
class Grid:
    """One table: activations by starts, each at every learning rate.

    Each field is a flag of `python -m xorlab.images`. The networks are those of
    `xorlab.models.fitnet`: of an eighth of the original's widths for the digits.

    Raises:
        ValueError: a field is not what it must be; the message names the field, what
            was expected, what was received and how to mend it.
    """

    dataset: str = setting(
        "digits", "digits (scikit-learn's, 8 × 8, no download) or cifar10"
    )
    activations: tuple[str, ...] = setting(
        ("maxout", "relu", "very_leaky_relu", "tanh", "sigmoid"),
        "after each convolution: " + ", ".join(ACTIVATIONS),
    )
    initializers: tuple[str, ...] = setting(
        STARTS, "how weights start: " + ", ".join(STARTS)
    )
    learning_rates: tuple[float, ...] = setting(
        (0.01, 0.003),
        "of SGD with momentum 0.9; each network has the one that is best for the other "
        "seeds",
    )
    batch_size: int = setting(32, "images of a step")
    steps: int = setting(600, f"updates, a multiple of {LOGS}")
    seeds: int = setting(5, "networks a cell and learning rate")
    first_seed: int = setting(0, "the seeds are first_seed, first_seed + 1, …")

    def __post_init__(self) -> None:
        one_of("dataset", self.dataset, DATASETS)
        for field in dataclasses.fields(self):
            if isinstance(field.default, tuple):
                values = different(field.name, getattr(self, field.name))
                object.__setattr__(self, field.name, values)
        for name in self.activations:
            one_of("activations", name, ACTIVATIONS)
        for name in self.initializers:
            one_of("initializers", name, STARTS)
        for rate in self.learning_rates:
            positive("learning_rates", rate, "the authors have 0.01")
        whole("batch_size", self.batch_size, 1, "the authors have 128")
        whole("steps", self.steps, 1, "the authors have 90000")
        more = -self.steps % LOGS
        if more:
            raise ValueError(
                f"steps: expected a multiple of {LOGS}, since so often they are "
                f"logged; received {self.steps}; write --steps={self.steps + more}"
            )
        several = len(self.learning_rates) > 1
        whole(
            "seeds", self.seeds, 2 if several else 1, "the rate is chosen on the others"
        )
        whole("first_seed", self.first_seed, 0, "any whole number from 0 up")
        below("first_seed + seeds", self.first_seed + self.seeds, 2**63)

    @functools.cached_property
    def cells(self) -> list[Cell]:
        """All combinations; the learning rate varies slowest."""
        return [
            Cell(self.dataset, *names, rate, self.batch_size, self.steps)
            for rate in self.learning_rates
            for names in itertools.product(self.activations, self.initializers)
        ]

    @property
    def networks(self) -> int:
        """Networks of all cells together."""
        return len(self.cells) * self.seeds
