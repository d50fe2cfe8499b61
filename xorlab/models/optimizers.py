"""The one table of optimizers, by the names that users type; no TensorFlow."""

from importlib import metadata

from xorlab.checks import one_of

MOMENTUM = 0.9  # The usual value: Sutskever et al. 2013, section 2.

# Class in Keras and its settings, by name. Spelled out because asking Keras takes
# seconds; a test holds the two lists together.
OPTIMIZERS: dict[str, tuple[str, dict[str, float]]] = {
    name.lower(): (name, {})
    for name in (
        "Adadelta",
        "Adafactor",
        "Adagrad",
        "Adam",
        "Adamax",
        "AdamW",
        "Ftrl",
        "Lamb",
        "Lion",
        "Muon",
        "Nadam",
        "RMSprop",
        "ScheduleFreeAdamW",
        "SGD",
    )
} | {"momentum": ("SGD", {"momentum": MOMENTUM})}

# The Keras from which on there is one, or works on TensorFlow.
_SINCE = {"muon": (3, 15), "schedulefreeadamw": (3, 15)}


def check_optimizer(what: str, name: str) -> None:
    """Checks that the Keras that is installed has an optimizer.

    Raises:
        ValueError: it is not in the table, or this Keras has none that works.
    """
    one_of(what, name, OPTIMIZERS)
    keras = metadata.version("keras")
    major, minor = _SINCE.get(name, (0, 0))
    if tuple(map(int, keras.split(".")[:2])) < (major, minor):
        raise ValueError(
            f"{what}: expected one that Keras {keras} has on TensorFlow; received "
            f"{name!r}; install Keras {major}.{minor}, or choose another"
        )
