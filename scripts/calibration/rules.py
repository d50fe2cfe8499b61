"""Who says that a network will fail: our verdict, published rules, our rule before.

All are given the same evidence. Where a rule asks for a number that is not in it, the
nearest one stands in, and the comment says so.
"""

import math
from collections.abc import Callable, Mapping

from xorlab.diagnosis import Evidence, judge


def ours(evidence: Evidence) -> bool:
    """Whether the verdict finds anything."""
    return bool(judge(evidence).findings)


def sagemaker_debugger(evidence: Evidence) -> bool:
    """VanishingGradient: a mean |gradient| below 1e-7; ExplodingTensor: not finite.

    The RMS stands in for the mean of |g|; it is never smaller.
    """
    return any(
        not _is_finite(step)
        or any(
            layer.gradient_rms is not None and layer.gradient_rms < 1e-7
            for layer in step.layers.values()
        )
        for step in evidence.steps
    )


def autotrainer(evidence: Evidence) -> bool:
    """Zhang et al. 2021 (ICSE), with the thresholds of the authors' program.

    Vanishing: first by last below 1e-3, and first below 1e-4; exploding: above 70, or
    not finite; dying ReLU: 70% of the gradient exactly zero; oscillating: a fifth of
    the changes are rises by more than 0.03. RMS stands in for the kernels' norms, and
    the loss for the accuracy that oscillates.
    """
    return any(map(_autotrainer_at, evidence.steps)) or _oscillates(evidence.losses)


def _autotrainer_at(step):
    layers = [x for x in step.layers.values() if x.gradient_rms is not None]
    if not _is_finite(step):
        return True
    if not layers:
        return False
    first, last = layers[0].gradient_rms, layers[-1].gradient_rms
    ratio = first / last if last else 1.0
    zeros = [x.gradient_zeros for x in layers if x.gradient_zeros is not None]
    dying = bool(zeros) and sum(zeros) / len(zeros) >= 0.7
    return dying or ratio > 70 or (ratio < 1e-3 and first < 1e-4)


def _oscillates(losses):
    # As often as an epoch would tell.
    tenth = max(1, len(losses) // 10)
    told = [sum(losses[i : i + tenth]) / tenth for i in range(0, len(losses), tenth)]
    changes = [after - before for before, after in zip(told, told[1:], strict=False)]
    rises = sum(change > 0.03 for change in changes)
    return bool(changes) and rises / len(changes) >= 0.2


def gradients_alone(evidence: Evidence) -> bool:
    """Our rule before: NaN, exactly zero, or a thousandth of the largest.

    It judged the last step that was seen, layer by layer.
    """
    if not evidence.steps:  # Keras refused the labels.
        return False
    step = evidence.steps[-1]
    rms = [x.gradient_rms for x in step.layers.values() if x.gradient_rms is not None]
    if any(x.gradient_not_finite for x in step.layers.values()):
        return True
    return any(x == 0 or x < 1e-3 * max(rms) for x in rms)


def _is_finite(step):
    numbers = [step.loss] if step.loss is not None else []
    numbers += [x.gradient_rms for x in step.layers.values()]
    lost = any(
        x.gradient_not_finite or x.weight_not_finite or x.output_not_finite
        for x in step.layers.values()
    )
    return not lost and all(x is None or math.isfinite(x) for x in numbers)


RULES: Mapping[str, Callable[[Evidence], bool]] = {
    "xorlab's verdict": ours,
    "SageMaker Debugger": sagemaker_debugger,
    "AutoTrainer": autotrainer,
    "gradients alone": gradients_alone,
}
