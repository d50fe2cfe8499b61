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

from xorlab.checks import check_seed, folder, one_of, positive, text, whole
from xorlab.models.activations import ACTIVATIONS
from xorlab.models.initializers import INITIALIZERS, SEED
from xorlab.models.optimizers import MOMENTUM, OPTIMIZERS, check_optimizer
from xorlab.models.size import check_depth
from xorlab.settings import setting

NETWORKS = ("deep", "shallow", "handmade")


@dataclasses.dataclass(frozen=True)
class Config:
    """One training run. Each field is a flag of `python -m xorlab.train`.

    The defaults are the lecture's: 11 weight layers of 5 units, U(-1, 1), plain
    gradient descent at 0.1, 200,000 steps with a line every 2,000.

    Raises:
        ValueError: a field is not what it must be; the message names the field, what
            was expected, what was received and how to mend it.
    """

    activation: str = setting("relu", "of the hidden layers: " + ", ".join(ACTIVATIONS))
    network: str = setting(
        "deep",
        ", ".join(NETWORKS) + " (handmade has its weights set for sigmoid, "
        "and takes no other activation, depth, width or initializer)",
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
    run_name: str = setting("", "folder of this run; <network>-<activation>-seed<seed>")
    overwrite: bool = setting(False, "replace a run of the same name")
    histograms: bool = setting(True, "log gradients, weights and activations in full")
    device: str = setting("CPU", "where to train; GPU:0 takes longer")
    jit: bool = setting(True, "compile the steps with XLA")

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
        if self.network == "handmade":
            object.__setattr__(self, "activation", "sigmoid")
        if not self.run_name:
            name = f"{self.network}-{self.activation}-seed{self.seed}"
            object.__setattr__(self, "run_name", name)
        text("run_name", self.run_name)
        text("device", self.device)
        if self.run_name == ".." or pathlib.Path(self.run_name).name != self.run_name:
            raise ValueError(
                "run_name: expected the name of one folder; "
                f"received {self.run_name!r}; give the path before it as logdir"
            )

    @property
    def run_dir(self) -> pathlib.Path:
        """The folder that this run writes, and nothing outside of it."""
        return folder("logdir", self.logdir) / self.run_name
