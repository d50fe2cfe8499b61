"""What a sweep is: one frozen record that checks itself.

It needs no TensorFlow:

>>> grid = Grid(activations=("sigmoid", "relu"), depths=(2, 11), seeds=1000)
>>> len(grid.cells), grid.networks
(4, 4000)
>>> Grid(depths=(1,))
Traceback (most recent call last):
    ...
ValueError: depths: expected a whole number of at least 2; received 1; a deep \
network has an input and a last layer
"""

import dataclasses
import functools
import itertools

from xorlab.checks import below, different, one_of, positive, whole
from xorlab.models.activations import ACTIVATIONS
from xorlab.models.initializers import INITIALIZERS
from xorlab.settings import setting

OPTIMIZERS = ("sgd", "momentum", "adam")


@dataclasses.dataclass(frozen=True)
class Cell:
    """The settings that one cell's networks share; only their seeds differ."""

    activation: str
    depth: int
    width: int
    initializer: str
    init_scale: float
    learning_rate: float
    optimizer: str
    steps: int

    def __str__(self) -> str:
        return f"{self.activation}, depth {self.depth}, width {self.width}"


@dataclasses.dataclass(frozen=True)
class Grid:
    """One sweep: every combination of the lists is a cell of `seeds` networks.

    Each field is a flag of `python -m xorlab.sweep`. The networks are those of
    `xorlab.models.deep`, and the defaults its lecture's.

    Raises:
        ValueError: a field is not what it must be; the message names the field, what
            was expected, what was received and how to mend it.
    """

    activations: tuple[str, ...] = setting(
        ("sigmoid", "relu"), "of the hidden layers: " + ", ".join(ACTIVATIONS)
    )
    depths: tuple[int, ...] = setting((2, 3, 4, 5, 6, 8, 11), "weight layers")
    widths: tuple[int, ...] = setting((5,), "units of each hidden layer")
    initializers: tuple[str, ...] = setting(
        ("uniform",), "how weights start: " + ", ".join(INITIALIZERS)
    )
    init_scales: tuple[float, ...] = setting((1.0,), "multiply the initial weights")
    learning_rates: tuple[float, ...] = setting((0.1,), "of the optimizer")
    optimizer: str = setting("sgd", ", ".join(OPTIMIZERS))
    steps: int = setting(20_000, "full-batch updates")
    seeds: int = setting(1000, "networks a cell")
    first_seed: int = setting(0, "the seeds are first_seed, first_seed + 1, …")
    diagnose_at: tuple[int, ...] = setting(
        (), "steps, such as 100,1000, at which each network is judged by what was seen"
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "diagnose_at", tuple(self.diagnose_at))
        for field in dataclasses.fields(self):
            if field.default and isinstance(field.default, tuple):
                values = different(field.name, getattr(self, field.name))
                object.__setattr__(self, field.name, values)
        for name in self.activations:
            one_of("activations", name, ACTIVATIONS)
        for name in self.initializers:
            one_of("initializers", name, INITIALIZERS)
        one_of("optimizer", self.optimizer, OPTIMIZERS)
        for depth in self.depths:
            whole("depths", depth, 2, "a deep network has an input and a last layer")
        for width in self.widths:
            whole("widths", width, 1, "the lecture has 5")
        for scale in self.init_scales:
            positive("init_scales", scale, "1 leaves the initializer as it is")
        for rate in self.learning_rates:
            positive("learning_rates", rate, "the lecture has 0.1")
        whole("steps", self.steps, 1, "the lecture has 200000")
        whole("seeds", self.seeds, 1, "1000 tell a share to 3%")
        whole("first_seed", self.first_seed, 0, "any whole number from 0 up")
        for step in self.diagnose_at:
            whole("diagnose_at", step, 1, "count from 1; the start is seen anyway")
            below("diagnose_at", step, self.steps)
        if list(self.diagnose_at) != sorted(set(self.diagnose_at)):
            raise ValueError(
                "diagnose_at: expected steps in ascending order, each once; received "
                f"{','.join(map(str, self.diagnose_at))}; sort them"
            )
        # Medians of steps are found among float32 numbers.
        below("steps", self.steps, 2**24)
        below("first_seed + seeds", self.first_seed + self.seeds, 2**63)

    @functools.cached_property
    def cells(self) -> list[Cell]:
        """All combinations; the last list varies fastest."""
        lists = itertools.product(
            self.activations,
            self.depths,
            self.widths,
            self.initializers,
            self.init_scales,
            self.learning_rates,
        )
        return [Cell(*values, self.optimizer, self.steps) for values in lists]

    @property
    def networks(self) -> int:
        """Networks of all cells together."""
        return len(self.cells) * self.seeds
