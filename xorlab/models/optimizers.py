"""The one table of optimizers, by the names that users type; no TensorFlow."""

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
