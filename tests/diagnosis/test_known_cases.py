"""Cases whose cause is known, in numbers that small models showed, get that verdict.

All were recorded by the callback: at the first step, and after 80.
"""

import dataclasses
import math

import pytest

from xorlab.diagnosis import Evidence, LayerFacts, LayerStep, StepEvidence, judge

CLASSES = {"loss_name": "sparse_categorical_crossentropy", "last_units": 4}
BINARY = {"loss_name": "binary_crossentropy", "last_units": 1}


def layer(gradient, zeros=0.0, ratio=0.01, dead=None, **more):
    """A layer of weights of norm 1."""
    norms = {"weight_norm": 1.0, "update_norm": ratio, **more}
    return LayerStep(gradient, zeros, dead=dead, **norms)


def case(start, end, losses, steps_left=0, activation="relu", facts=None, **network):
    """Evidence of two steps, 80 apart, and of losses between them."""
    layers = [LayerFacts(x, "Dense", activation, is_trainable=True) for x in start]
    steps = [StepEvidence(0, start, losses[0], 0.1)]
    steps += [StepEvidence(n, loss=x) for n, x in enumerate(losses[1:-1], 70)]
    steps += [StepEvidence(80, end, losses[-1], 0.1)]
    return Evidence(facts or layers, steps, steps_left, "SGD", **network)


def stuck(loss):
    return [loss] * 9


DEAD = {
    "one": layer(0.0, 1.0, 0.0, dead=0.0625),
    "killed": layer(0.0, 1.0, 0.0, dead=1.0),
    "last": layer(0.03, 0.94),
}
WELL = {
    "one": layer(0.02, dead=0.06),
    "two": layer(0.02, dead=0.2),
    "last": layer(0.03),
}
DIED = {
    "one": layer(0.0, 1.0, 0.0, dead=0.0),
    "two": layer(0.0, 1.0, 0.0, dead=1.0),
    "last": layer(0.029, 0.94, 1e-28),
}
FAST = {x: y._replace(update_norm=0.3) for x, y in WELL.items()}
GREAT = {x: y._replace(update_norm=7.7) for x, y in WELL.items()}
SLOW = {x: y._replace(update_norm=1e-7) for x, y in WELL.items()}
NO_LONGER = {x: layer(math.nan, 0.0, math.nan) for x in WELL}
DEEP = {f"layer{n}": layer(0.1 * 0.1 ** (10 - n)) for n in range(1, 11)}
# Of 45 normalised layers the first received this.
GROWS = {"one": layer(1800.0), "two": layer(30.0), "last": layer(0.02)}
OVER_ONE = {
    "one": layer(3e-18, dead=0.06),
    "norm": layer(0.09, 0.5),
}
NORMALISES = [
    LayerFacts("one", "Dense", "relu", 16, True),
    LayerFacts("norm", "LayerNormalization", None, 1, True),
]
HEADLESS = [
    LayerFacts("one", "Dense", "relu", 4, True),
    LayerFacts("two", "Dense", None, 3, True, is_connected=False),
    LayerFacts("last", "Dense", "softmax", 4, True),
]

SICK = {
    "deep sigmoid": (
        case(DEEP, DEEP, stuck(0.6931), activation="sigmoid", **BINARY),
        "vanishing",
        tuple(f"layer{n}" for n in range(1, 7)),
    ),
    "all gradients shrink as the loss settles": (
        case(
            DEEP,
            {x: layer(1e-9) for x in DEEP},
            stuck(0.69),
            activation="tanh",
            **BINARY,
        ),
        "vanishing",
        tuple(f"layer{n}" for n in range(1, 7)),
    ),
    "biases at -10": (case(DEAD, DEAD, stuck(0.693), **BINARY), "dead", ("killed",)),
    "a net that dies by its rate": (
        case(WELL, DIED, stuck(1.4), **CLASSES),
        "rate_too_large",
        ("two",),
    ),
    "updates that lead nowhere": (
        case(FAST, FAST, stuck(1.4), **CLASSES),
        "rate_too_large",
        (),
    ),
    "SGD at 50": (case(GREAT, GREAT, stuck(18.0), **CLASSES), "rate_too_large", ()),
    "SGD at 1e-6": (case(SLOW, SLOW, stuck(1.38), 80, **CLASSES), "rate_too_small", ()),
    "weights times 10": (
        case(GREAT, NO_LONGER, [1.3e8, *stuck(math.nan)], **CLASSES),
        "exploding",
        (),
    ),
    "45 normalised layers": (
        case(GROWS, WELL, stuck(1.6), **CLASSES),
        "exploding",
        ("one", "two"),
    ),
    "LayerNormalization over one feature": (
        case(OVER_ONE, OVER_ONE, stuck(0.693), facts=NORMALISES, **BINARY),
        "constant",
        ("norm",),
    ),
    "a head without a loss": (
        case(WELL, WELL, [1.4, *stuck(0.1)], facts=HEADLESS),
        "disconnected",
        ("two",),
    ),
    "softmax over one unit": (
        case(WELL, WELL, stuck(0.2), last_activation="softmax", **BINARY),
        "output",
        (),
    ),
    "relu before a log": (
        case(WELL, WELL, stuck(2.0), last_activation="relu", **BINARY),
        "output",
        (),
    ),
    "labels of 1 and 2": (
        case(WELL, WELL, stuck(0.4), labels=(1.0, 2.0), **BINARY),
        "labels",
        (),
    ),
    "labels of 1 and 2 that nobody looked at": (
        case(WELL, WELL, [0.4, *stuck(-90.0)], **BINARY),
        "labels",
        (),
    ),
    "inputs times 10,000": (
        case(WELL, WELL, stuck(0.69), input_rms=8e3, **BINARY),
        "input",
        (),
    ),
    "rows that are mapped to the same": (
        case(
            WELL,
            WELL | {"two": layer(0.02, separation=1e-4)},
            stuck(0.4774),
            input_separation=1.0,
            **BINARY,
        ),
        "collapsed",
        ("two",),
    ),
    "duplicated units": (
        case(
            WELL,
            WELL | {"two": layer(0.02, rank=1)},
            stuck(0.69),
            facts=[
                LayerFacts("two", "Dense", "tanh", 16, True),
                LayerFacts("last", "Dense", "sigmoid", 1, True),
            ],
            **BINARY,
        ),
        "collapsed",
        ("two",),
    ),
    "all weights are zero": (
        case(
            WELL | {"two": layer(0.0, 1.0, 0.0, weight_norm=0.0)},
            WELL | {"two": layer(0.0, 1.0, 0.0, weight_norm=0.0)},
            stuck(1.38),
            **CLASSES,
        ),
        "constant",
        ("two",),
    ),
    "a start that shrinks": (
        case(
            {f"l{n}": layer(0.1, output_rms=0.01**n) for n in range(4)},
            {f"l{n}": layer(0.1, output_rms=0.01**n) for n in range(4)},
            stuck(1.38),
            **CLASSES,
        ),
        "start",
        ("l0", "l1", "l2"),
    ),
    "saturated from the start": (
        case(
            {"one": layer(0.1, saturated=0.8), "last": layer(0.1)},
            {"one": layer(0.1, saturated=0.9), "last": layer(0.1)},
            stuck(1.38),
            activation="tanh",
            **CLASSES,
        ),
        "saturated",
        ("one",),
    ),
}
LEARNS = [1.4, *stuck(0.02)]
HEALTHY = {
    "a net that has learned": case(WELL, DIED, LEARNS, **CLASSES),
    "a transformer at accuracy 1.0": case(DEEP, DEEP, LEARNS, **CLASSES),
    "a converged model": case(SLOW, SLOW, stuck(5e-5), 80, **CLASSES),
    "a satisfied hinge": case(
        {x: layer(0.0, 1.0, 0.0) for x in WELL}, DIED, stuck(0.0), loss_name="hinge"
    ),
    "a sparse embedding": case(
        {"embedding": layer(4e-6, 0.9999), "last": layer(0.015)},
        {"embedding": layer(5e-7, 0.9999), "last": layer(5e-4)},
        LEARNS,
        **BINARY,
    ),
    "frozen layers": case(
        WELL,
        WELL,
        LEARNS,
        facts=[LayerFacts("frozen", "Dense", "relu", 4, is_trainable=False)],
        **CLASSES,
    ),
    "scores that Keras takes back from a sigmoid": case(
        WELL, WELL, LEARNS, last_activation="sigmoid", from_logits=True, **BINARY
    ),
}


@pytest.mark.parametrize("name", SICK)
def test_the_cause_is_named_and_its_layers(name):
    evidence, cause, layers = SICK[name]
    verdict = judge(evidence)
    assert verdict.cause == cause, str(verdict)
    assert verdict.findings[0].layers == layers
    # What follows is told once, and advice that cannot help is not given.
    assert len(set(verdict.causes)) == len(verdict.causes)
    assert verdict.causes == [cause] or "rate_too_small" not in verdict.causes


@pytest.mark.parametrize("name", HEALTHY)
def test_what_is_well_is_told_to_be(name):
    assert judge(HEALTHY[name]).cause == "healthy"


def test_a_layer_before_a_constant_one_is_not_called_dead():
    evidence, *_ = SICK["LayerNormalization over one feature"]
    [finding] = judge(evidence).findings
    assert finding.layers == ("norm",)


def test_dead_units_are_told_by_the_gradient_where_outputs_are_not_seen():
    facts = [
        LayerFacts("one", "Dense", "relu", is_trainable=True),
        LayerFacts("killed", "Dense", "linear", is_trainable=True),
        LayerFacts("relu", "ReLU", "relu"),
        LayerFacts("last", "Dense", "sigmoid", is_trainable=True),
    ]
    unseen = {x: y._replace(dead=None) for x, y in DEAD.items()}
    verdict = judge(case(unseen, unseen, stuck(0.693), facts=facts, **BINARY))
    assert verdict.cause == "dead"
    assert verdict.findings[0].layers == ("killed",)


@pytest.mark.parametrize("name", ["deep sigmoid", "SGD at 50", "weights times 10"])
def test_what_can_be_told_at_the_first_step_is(name):
    evidence, cause, _ = SICK[name]
    first = dataclasses.replace(evidence, steps=evidence.steps[:1])
    assert judge(first).cause == cause


def test_a_last_layer_of_zeros_says_nothing_at_the_first_step():
    # Nothing passes it, until it has moved.
    zero = layer(0.05, weight_norm=0.0)
    start = {x: layer(0.0, 1.0, 0.0, dead=0.1) for x in ("one", "two")} | {"last": zero}
    network = case(start, WELL, LEARNS, **CLASSES)
    assert judge(network).cause == "healthy"
    first = dataclasses.replace(network, steps=network.steps[:1])
    assert judge(first).cause == "undecided"


@pytest.mark.parametrize(
    ("place", "step", "cause"),
    [
        ("x of the batch", 0, "not_finite"),
        ("x of the batch", 80, "not_finite"),
        ("the weight one/kernel (4 entries), before the update", 0, "not_finite"),
        ("the output of two (5 entries)", 0, "overflow"),
        ("the loss", 80, "diverged"),
    ],
)
def test_nan_is_told_by_where_and_when_it_begins(place, step, cause):
    # Zeros that come of NaN are no dead units.
    network = case(WELL, DIED, stuck(1.4), **CLASSES)
    steps = [
        dataclasses.replace(x, not_finite=place if x.step == step else None)
        for x in network.steps
    ]
    verdict = judge(dataclasses.replace(network, steps=steps))
    assert verdict.causes == [cause] and place in str(verdict)


def test_a_loss_that_nobody_saw_leaves_the_first_step_to_tell():
    # As in a training loop of one's own.
    unseen = [None] * 9
    assert judge(case(DEEP, DEEP, unseen)).cause == "vanishing"
    assert judge(case(WELL, DEEP | WELL, unseen)).cause == "healthy"


@pytest.mark.parametrize("layers", [WELL, FAST, SLOW])
def test_nothing_is_held_against_the_first_steps(layers):
    begun = case(layers, layers, stuck(1.5), 10_000, **CLASSES)
    assert judge(begun).cause == "undecided"


# Of ten steps, just below guessing.
FALLS = [0.692 - 0.001 * n for n in range(10)]


@pytest.mark.parametrize(
    ("losses", "left", "ratio", "cause"),
    [
        (FALLS, 100, 0.01, "undecided"),
        (FALLS, 0, 0.01, "vanishing"),
        (FALLS, 100, 1e-4, "vanishing"),
        ([*FALLS[:8], 0.69, 0.69], 100, 0.01, "vanishing"),
        # It comes down to guessing, and settles there.
        ([x + 0.02 for x in FALLS], 100, 0.01, "vanishing"),
    ],
)
def test_a_network_on_its_way_out_is_not_given_up(losses, left, ratio, cause):
    deep = {x: y._replace(update_norm=ratio) for x, y in DEEP.items()}
    merged = deep | {"layer10": deep["layer10"]._replace(separation=1e-4)}
    told = {"input_separation": 1.0, **BINARY}
    for layers, found in ((deep, "vanishing"), (merged, "collapsed")):
        causes = judge(case(layers, layers, losses, left, **told)).causes
        assert (found in causes) == (cause != "undecided")
        assert cause != "undecided" or causes == ["undecided"]


@pytest.mark.parametrize(
    ("loss", "left", "cause"),
    [(1.42, 100, "undecided"), (1.42, 0, "exploding"), (1.6, 100, "exploding")],
)
def test_a_gradient_that_grows_explodes_where_the_loss_is_above_guessing(
    loss, left, cause
):
    assert judge(case(GROWS, WELL, stuck(loss), left, **CLASSES)).cause == cause


def test_adam_s_first_steps_are_not_too_large():
    first = {x: y._replace(update_norm=0.04) for x, y in WELL.items()}
    assert judge(case(first, WELL, stuck(1.4), 100, **CLASSES)).cause == "undecided"


def test_outputs_that_lag_behind_training_have_not_collapsed():
    layers = WELL | {"last": layer(0.03, spread=1e-5)}
    facts = [LayerFacts(x, "Dense", "relu", is_trainable=True) for x in WELL]
    normalizes = LayerFacts("norm", "BatchNormalization", None, 4, True)
    network = case(WELL, layers, stuck(1.39), facts=facts, **CLASSES)
    assert judge(network).cause == "collapsed"
    network = dataclasses.replace(network, layers=[*facts[:2], normalizes, facts[2]])
    assert judge(network).cause == "undecided"
    late = [dataclasses.replace(x, step=10 * x.step) for x in network.steps]
    assert judge(dataclasses.replace(network, steps=late)).cause == "collapsed"


@pytest.mark.parametrize(
    ("left", "cause"), [(100, "rate_too_small"), (10_000, "undecided")]
)
def test_a_rate_is_not_too_small_for_a_loss_that_comes_down_in_time(left, cause):
    falls = [0.75 - 0.005 * n for n in range(10)]
    seen = case(SLOW, SLOW, falls, left, **BINARY)
    steps = [dataclasses.replace(x, step=100 * n) for n, x in enumerate(seen.steps)]
    assert judge(dataclasses.replace(seen, steps=steps)).cause == cause


def test_rows_that_the_last_layer_tells_apart_are_not_lost_before_it():
    near, apart = layer(0.02, separation=1e-4), layer(0.03, separation=0.4)
    layers = WELL | {"two": near, "last": apart}
    network = case(WELL, layers, stuck(0.69), input_separation=1.0, **BINARY)
    assert judge(network).causes == ["undecided"]


def test_rows_of_an_embedding_that_no_batch_holds_do_not_make_its_gradient_small():
    evidence = HEALTHY["a sparse embedding"]
    first = dataclasses.replace(evidence, steps=evidence.steps[:1])
    assert judge(first).cause == "undecided"


def test_what_follows_from_a_start_is_not_told_as_another_cause():
    # Outputs of zero weights are zero, and nothing is left to what lies behind.
    zero = layer(0.0, 1.0, 0.0, dead=1.0, weight_norm=0.0)
    step = WELL | {"two": zero}
    assert judge(case(step, step, stuck(1.4), **CLASSES)).causes == ["constant"]
    step = {f"l{n}": layer(0.1 * 0.01**n, output_rms=0.01**n) for n in range(4)}
    assert judge(case(step, step, stuck(1.4), **CLASSES)).causes == ["start"]
