"""Whether output, loss and labels fit one another, and inputs the weights."""

import math

from xorlab.diagnosis.connection import before_weights
from xorlab.diagnosis.evidence import Evidence
from xorlab.diagnosis.findings import Finding, Threshold
from xorlab.diagnosis.progress import has_seen_many, learns

INPUT = Threshold(
    1e3,
    "times unit scale: LeCun et al. 1998, section 4.3, ask for unit variance; the "
    "first layer's gradient grows with the scale, so that no rate serves all layers",
)
TARGET = Threshold(
    100.0,
    "times unit scale, our choice: Adam moves a weight by its rate in a step, so that "
    "at 0.001 an output comes to 100 in many thousand steps",
)
_OF_PROBABILITIES = (
    "binary_crossentropy",
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
)
# Activations whose values lie outside of 0 to 1, or stay exactly 0.
_NO_PROBABILITY = "linear relu relu6 leaky_relu elu selu tanh gelu silu".split()
# Layers that hand on numbers of the size of those that they are given.
_KEEP_SCALE = (
    "InputLayer Flatten Reshape Permute RepeatVector Masking Dropout SpatialDropout1D "
    "SpatialDropout2D GaussianNoise ZeroPadding1D ZeroPadding2D Concatenate"
).split()
_RANGES = {
    "sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "relu": (0.0, math.inf),
}
_OF_NUMBERS = (
    "mean_squared_error",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "huber",
    "log_cosh",
)
_ROUNDING = 0.01  # Of the labels' range.


def misfit(evidence: Evidence) -> Finding | None:
    """Finds an output that cannot say what the loss asks for."""
    loss, activation = evidence.loss_name, evidence.last_activation
    is_of_classes = (loss or "").endswith("categorical_crossentropy")
    if evidence.last_units == 1 and (activation == "softmax" or is_of_classes):
        return _finding(
            "A softmax over one unit is 1 for every row.",
            "Give it a unit for each class, or take one sigmoid unit and "
            "binary_crossentropy.",
        )
    if loss not in _OF_PROBABILITIES or activation is None:
        return None
    ends = "softmax" if is_of_classes else "sigmoid"
    if not evidence.from_logits and activation in _NO_PROBABILITY:
        return _finding(
            f"{loss} expects probabilities, but the last layer ends in {activation}, "
            "so its outputs are none.",
            f"Give it {ends}, or no activation and from_logits=True in the loss.",
        )
    if evidence.from_logits and activation in ("sigmoid", "softmax", "relu"):
        # Keras goes back to the scores where it can: then it learns all the same.
        if not learns(evidence):
            return _finding(
                f"{loss} with from_logits=True takes raw scores, and the output is "
                f"that of {activation}.",
                "End in no activation, or leave from_logits=True out.",
            )
    return None


def _finding(why, advice):
    return Finding("output", why, advice, remedies=("output", "loss"))


def labels(evidence: Evidence) -> Finding | None:
    """Finds labels outside of what the loss, or the output, can be."""
    least, largest = _range(evidence)
    if evidence.labels is None:
        # Without having seen them: no cross-entropy of a distribution is negative.
        is_outside = evidence.loss_name in _OF_PROBABILITIES and any(
            loss < -1e-3 for loss in evidence.losses
        )
        received = "the loss is negative, as it is only with others"
        numbers = {"loss": min(evidence.losses, default=0.0)}
    else:
        # What is rounded may lie beside the end of a range.
        first, last = evidence.labels
        almost = _ROUNDING * (last - first) if is_of_numbers(evidence) else 0.0
        is_outside = first < least - almost or last > largest + almost
        received = f"these are {evidence.labels[0]:g} to {evidence.labels[1]:g}"
        numbers = {"least": evidence.labels[0], "largest": evidence.labels[1]}
    if not is_outside:
        return None
    if is_of_numbers(evidence):
        if learns(evidence):
            return None
        ends = evidence.last_activation
        return Finding(
            "labels",
            f"The model ends in {ends}, which gives only {least:g} to {largest:g}, and "
            f"{received}.",
            f"Take {ends} off the last layer, or scale the labels.",
            numbers=numbers,
            remedies=("output", "labels"),
        )
    return Finding(
        "labels",
        f"The loss and the output take labels from {least:g} to {largest:g}, and "
        f"{received}.",
        "Count the classes from 0, or scale the labels, or take another output and "
        "loss.",
        numbers=numbers,
        remedies=("labels", "output", "loss"),
    )


def targets(evidence: Evidence) -> Finding | None:
    """Finds numbers to be predicted that are far from those that a model returns."""
    if evidence.labels is None or not is_of_numbers(evidence):
        return None
    size = max(map(abs, evidence.labels))
    if learns(evidence) is not False or not has_seen_many(evidence):
        return None
    if size <= TARGET.value:
        return None
    return Finding(
        "labels",
        f"The labels are far from unit scale: up to {size:.2g} in size, where a model "
        "that begins returns numbers of about 1.",
        "Scale them to mean 0 and variance 1, and scale what is predicted back.",
        numbers={"largest": size},
        threshold=TARGET,
        remedies=("labels", "inputs"),
    )


def is_of_numbers(evidence: Evidence) -> bool:
    """Whether labels are numbers to be predicted, and no classes."""
    return evidence.loss_name in _OF_NUMBERS


def _range(evidence):
    """The least and the largest label that output and loss can serve."""
    if evidence.loss_name == "sparse_categorical_crossentropy":
        return 0.0, (evidence.last_units or math.inf) - 1.0
    if evidence.loss_name in _OF_PROBABILITIES:
        return 0.0, 1.0
    if evidence.loss_name == "poisson":
        return 0.0, math.inf
    if is_of_numbers(evidence):
        return _RANGES.get(evidence.last_activation or "", (-math.inf, math.inf))
    return -math.inf, math.inf


def inputs(evidence: Evidence) -> Finding | None:
    """Finds inputs that are far from unit scale."""
    size = evidence.input_rms
    if not size or not math.isfinite(size) or learns(evidence):
        return None
    if 1 / INPUT.value <= size <= INPUT.value or _is_scaled_inside(evidence):
        return None
    return Finding(
        "input",
        f"The inputs are far from unit scale: their root mean square is {size:.2g}.",
        "Scale them to mean 0 and variance 1, as keras.layers.Normalization does.",
        numbers={"rms": size},
        threshold=INPUT,
        remedies=("inputs", "normalize", "rate/10"),
    )


def _is_scaled_inside(evidence):
    """Whether the first layer with trainable weights may be given another scale."""
    before = before_weights(evidence.layers)
    first = evidence.layers[len(before) :][:1]
    return any(x.kind not in _KEEP_SCALE for x in before) or any(
        (x.kind or "").endswith(("Normalization", "Embedding")) for x in first
    )
