"""What a run is: one frozen record that checks itself.

It serves the command line, the tests and other code alike, and needs no TensorFlow:

>>> Config(network="depe")
Traceback (most recent call last):
    ...
ValueError: network: expected one of deep, shallow, handmade; received 'depe'; \
did you mean 'deep'?
"""

import dataclasses
import pathlib
from typing import Any

from xorlab.checks import check_seed, folder, one_of, positive, text, whole
from xorlab.models.activations import ACTIVATIONS
from xorlab.models.initializers import INITIALIZERS, SEED
from xorlab.models.optimizers import MOMENTUM, OPTIMIZERS, check_optimizer
from xorlab.models.size import check_depth
from xorlab.settings import setting, spelled

NETWORKS = ("deep", "shallow", "handmade")
# What a network has of its own, whatever is asked for: these settings, by network.
FIXED: dict[str, dict[str, Any]] = {
    "deep": {},
    "shallow": {"depth": 3, "width": 5},
    "handmade": {
        "activation": "sigmoid",
        "depth": 2,
        "width": 2,
        "initializer": "uniform",
        "init_scale": 1.0,
        "seed": SEED,
        "remedies": False,
    },
}
# Steps by which those networks have learned that ever do; the lecture takes ten times
# as many.
ENOUGH = 20_000
# Settings that change nothing in a run, or stand in its name anyway.
_UNNAMED = (
    "network",
    "activation",
    "seed",
    "logdir",
    "run_name",
    "overwrite",
    "remedies",
)


@dataclasses.dataclass(frozen=True)
class Config:
    """One training run. Each field is a flag of `python -m xorlab.train`.

    The defaults are the lecture's: 11 weight layers of 5 units, U(-1, 1), plain
    gradient descent at 0.1, 200,000 steps with a line every 2,000. A network that
    fixes some of them (`FIXED`) replaces their defaults.

    Raises:
        ValueError: a field is not what it must be, or would be ignored; the message
            names the field, what was expected, what was received and how to mend it.
    """

    activation: str = setting("relu", "of the hidden layers: " + ", ".join(ACTIVATIONS))
    network: str = setting(
        "deep",
        ", ".join(NETWORKS) + " (shallow has three layers; handmade has its "
        "weights set for sigmoid)",
    )
    depth: int = setting(11, "weight layers of the deep network")
    width: int = setting(5, "units of each hidden layer of the deep network")
    initializer: str = setting(
        "uniform", "how weights start: " + ", ".join(INITIALIZERS)
    )
    init_scale: float = setting(1.0, "multiplies the initial weights")
    optimizer: str = setting(
        "sgd",
        f"as Keras names it, or momentum (SGD with {MOMENTUM}): "
        + ", ".join(OPTIMIZERS),
    )
    learning_rate: float = setting(0.1, "of the optimizer")
    steps: int = setting(200_000, "full-batch updates")
    log_every: int = setting(2_000, "steps between two points in the logs")
    seed: int = setting(SEED, "of the initial weights; relu fails on many seeds")
    logdir: str = setting("logs", "folder of all runs, for tensorboard --logdir")
    run_name: str = setting("", "folder of this run; else it is named by its settings")
    overwrite: bool = setting(False, "replace a run of the same name")
    histograms: bool = setting(True, "log gradients, weights and activations in full")
    device: str = setting("CPU", "where to train; GPU:0 takes longer")
    jit: bool = setting(True, "compile the steps with XLA")
    remedies: bool = setting(
        False, "where it does not learn, try what would help, for a minute at the most"
    )

    def __post_init__(self) -> None:
        one_of("activation", self.activation, ACTIVATIONS)
        one_of("network", self.network, NETWORKS)
        one_of("initializer", self.initializer, INITIALIZERS)
        check_optimizer("optimizer", self.optimizer)
        check_depth(self.depth)
        whole("width", self.width, 1, "the lecture has 5")
        whole("steps", self.steps, 1, "the lecture has 200000")
        whole("log_every", self.log_every, 1, "the lecture has 2000")
        check_seed(self.seed)
        folder("logdir", self.logdir)
        positive("learning_rate", self.learning_rate, "the lecture has 0.1")
        positive("init_scale", self.init_scale, "1 leaves the initializer as it is")
        self._fix()
        if not self.run_name:
            object.__setattr__(self, "run_name", self._name())
        text("run_name", self.run_name)
        text("device", self.device)
        if self.run_name == ".." or pathlib.Path(self.run_name).name != self.run_name:
            raise ValueError(
                "run_name: expected the name of one folder; "
                f"received {self.run_name!r}; give the path before it as logdir"
            )

    def _fix(self):
        for field in dataclasses.fields(self):
            own = FIXED[self.network].get(field.name, getattr(self, field.name))
            if getattr(self, field.name) not in (own, field.default):
                raise ValueError(
                    f"{field.name}: expected {own}, as network {self.network} has; "
                    f"received {getattr(self, field.name)!r}; leave it out"
                )
            object.__setattr__(self, field.name, own)

    def _name(self):
        """Names what sets this run apart, so that no two experiments collide."""
        words = [self.network, self.activation, f"seed{self.seed}"]
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            default = FIXED[self.network].get(field.name, field.default)
            if field.name in _UNNAMED or value == default:
                continue
            if isinstance(value, bool):
                words.append(field.name if value else f"no{field.name}")
            elif isinstance(value, str):
                words.append(value.replace(":", ""))
            else:
                words.append(f"{field.name}{spelled(value)}")
        return "-".join(words)

    @property
    def run_dir(self) -> pathlib.Path:
        """The folder that this run writes, and nothing outside of it."""
        return folder("logdir", self.logdir) / self.run_name
