"""The callback says why a model does not learn: once, where it changes, and aloud."""

import contextlib
import io
import json
import types
from unittest import mock

import keras
import numpy as np
import pytest
from keras import layers
from oracles import callback_oracle as oracle

from xorlab.diagnosis import Evidence, Finding, LayerStep, StepEvidence, Verdict, judge
from xorlab.watching import Terminal, verdicts
from xorlab.watching.anatomy import evidence_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 4)).astype("float32")
Y = (X[:, 0] > 0).astype("float32")


def model(activation="relu", depth=2, optimizer="sgd", **first):
    hidden = [layers.Dense(8, activation) for _ in range(depth)]
    if first:
        hidden[0] = layers.Dense(8, activation, **first)
    made = keras.Sequential(
        [keras.Input((4,)), *hidden, layers.Dense(1, "sigmoid", name="last")]
    )
    made.compile(optimizer, "binary_crossentropy", jit_compile=False)
    return made


def sick():
    return model("sigmoid", depth=10)


def well():
    return model(optimizer=keras.optimizers.Adam(0.05))


def trained(make, folder, epochs=3, **options):
    callback = oracle.watching(folder, histogram_steps=1, **options)
    oracle.fit(oracle.again(make), X, Y, [callback], epochs=epochs)
    return callback, oracle.read(folder)


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """The callback of a network that learns, its log, its words, and what it judged."""
    seen, printed = [], io.StringIO()
    with (
        mock.patch.object(verdicts, "judge", lambda x: seen.append(x) or judge(x)),
        contextlib.redirect_stdout(printed),
    ):
        callback, log = trained(well, tmp_path_factory.mktemp("well"))
    return types.SimpleNamespace(
        callback=callback, log=log, printed=printed.getvalue(), seen=seen
    )


@pytest.mark.slow
def test_a_network_that_does_not_learn_is_told_of_where_that_is_found_and_at_the_end(
    tmp_path, capsys
):
    # Not at once: many networks that learn begin like that.
    callback, log = trained(sick, tmp_path, epochs=5)
    printed = capsys.readouterr().out.splitlines()
    assert [line[:36] for line in printed] == [
        "xorlab, step 63: The gradient vanish",
        "xorlab, at the end of training: The ",
    ]
    assert callback.verdict.cause == "vanishing"
    (step, text), *_ = log.texts["verdict"].items()
    assert step == 63 and b"vanishes on its way to dense, " in text.item()
    [finding] = callback.verdict.findings
    counts = log.scalars["findings/vanishing"]
    assert counts[63] == counts[max(counts)] == len(finding.layers)
    assert json.loads(json.dumps(callback.verdict.to_dict()))["cause"] == "vanishing"


def test_a_network_that_learns_is_not_spoken_of(learned):
    assert learned.callback.verdict.cause == "healthy"
    assert learned.printed == ""
    assert not [tag for tag in learned.log.scalars if tag.startswith("findings/")]
    [text] = learned.log.texts["verdict"].values()
    assert text.item().startswith(b"Nothing is wrong")


@pytest.mark.slow
def test_lines_stand_beside_keras_s_bar(tmp_path, capsys):
    callback = oracle.watching(tmp_path, histogram_steps=1)
    oracle.fit(oracle.again(sick), X, Y, [callback], epochs=2, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    ours = [line for line in lines if "xorlab, " in line]
    assert len(ours) == 1 and all(line.startswith("xorlab, ") for line in ours)


def test_a_line_waits_until_a_bar_is_whole(capsys):
    terminal = Terminal(True)
    terminal.is_in_bar = True
    terminal.say("now")
    terminal.wait()
    terminal.say("later")
    assert capsys.readouterr().out == "\nnow\n"
    terminal.go_on()
    assert capsys.readouterr().out == "later\n"


@pytest.mark.slow
def test_before_the_first_bar_a_line_needs_no_line_of_its_own(tmp_path, capsys):
    callback = oracle.watching(tmp_path, histogram_steps=1)
    with pytest.warns(UserWarning, match="first seen in x of the batch"):
        oracle.fit(oracle.again(well), np.nan * X[:8], Y[:8], [callback], verbose=1)
    line, *_ = capsys.readouterr().out.splitlines()
    assert line.startswith("xorlab, step 0: NaN or infinity begins")


@pytest.mark.slow
def test_units_that_are_dead_are_named_with_their_layers_and_silently(tmp_path, capsys):
    def killed():
        never = keras.initializers.Constant(-30.0)
        return model(depth=1, bias_initializer=never, name="killed")

    callback, log = trained(killed, tmp_path, write_activations=True, verbose=False)
    assert callback.verdict.cause == "dead" and log.texts["verdict"]
    assert capsys.readouterr().out == ""
    assert "killed" in callback.verdict.findings[0].layers


def test_a_head_without_a_loss_is_not_well(tmp_path):
    def two_heads():
        x = keras.Input((4,))
        hidden = layers.Dense(3, name="hidden")(x)
        heads = {name: layers.Dense(1, name=name)(hidden) for name in ("a", "b")}
        made = keras.Model(x, heads)
        made.compile("sgd", {"a": "mse", "b": None}, jit_compile=False)
        return made

    callback = oracle.watching(tmp_path, histogram_steps=1)
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        oracle.train(two_heads, X, {"a": Y, "b": Y}, [callback])
    assert callback.verdict.cause == "disconnected"
    assert callback.verdict.findings[0].layers == ("b",)


@pytest.mark.filterwarnings("ignore:The model does not have any trainable")
def test_a_frozen_model_is_told_how_to_thaw(tmp_path):
    def frozen():
        made = well()
        made.trainable = False
        made.compile("sgd", "binary_crossentropy", jit_compile=False)
        return made

    with pytest.warns(UserWarning, match="no weight of this model is trainable: set"):
        oracle.train(frozen, X, Y, [oracle.watching(tmp_path)])


def test_steps_are_judged_when_they_have_doubled(learned):
    # 16 batches an epoch.
    judged = [x.steps[-1].step for x in learned.seen]
    assert judged == [0, 1, 3, 7, 15, 31, 47, 47]
    # What may come yet counts, too: a slow start is no failure.
    assert [x.steps_left for x in learned.seen] == [47 - step for step in judged]


# Batches an update, and an execution, which may end with a part of one.
@pytest.mark.parametrize(
    ("size", "execution", "scaled"), [(3, 1, False), (3, 1, True), (2, 3, False)]
)
def test_where_gradients_accumulate_the_steps_left_are_updates(
    size, execution, scaled, tmp_path, monkeypatch
):
    def accumulating():
        made = well()
        optimizer = keras.optimizers.SGD(0.1, gradient_accumulation_steps=size)
        if scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer, 8.0)
        settings = {"steps_per_execution": execution, "run_eagerly": True}
        made.compile(optimizer, "binary_crossentropy", **settings)
        return made

    seen, judge = [], verdicts.judge
    monkeypatch.setattr(verdicts, "judge", lambda x: seen.append(x) or judge(x))
    callback = oracle.watching(tmp_path, histogram_steps=1)
    # 5 batches an epoch: some updates are of two.
    oracle.train(accumulating, X[:20], Y[:20], [callback], epochs=6)
    made_and_left = {x.steps[-1].step: x.steps_left for x in seen}
    last = 30 // size - 1
    assert made_and_left == {step: last - step for step in made_and_left}
    assert {0, last} <= set(made_and_left) and len(seen) > 4


def test_of_a_step_with_several_updates_batches_are_left(tmp_path, monkeypatch):
    class Twice(keras.Sequential):
        def train_step(self, batch):
            for _ in range(2):
                logs = super().train_step(batch)
            return logs

    def twice():
        made = Twice([keras.Input(X.shape[1:]), keras.layers.Dense(1, "sigmoid")])
        made.compile("sgd", "binary_crossentropy", run_eagerly=True)
        return made

    seen, judge = [], verdicts.judge
    monkeypatch.setattr(verdicts, "judge", lambda x: seen.append(x) or judge(x))
    callback = oracle.watching(tmp_path, histogram_steps=1)
    oracle.train(twice, X[:20], Y[:20], [callback], epochs=2)
    made_and_left = {x.steps[-1].step: x.steps_left for x in seen}
    assert made_and_left == {step: 9 - step // 2 for step in made_and_left}
    assert {1, 19} <= set(made_and_left)


def told_of(losses, log=None):
    """What is said of a network whose first layer starves, by its loss at each look.

    And at the end. What is written goes to a log.
    """
    layers = {"one": LayerStep(1e-9), "last": LayerStep(0.1)}
    witness = types.SimpleNamespace(seen=0, trained_apart={}, add=lambda *told: None)
    said = []
    told = verdicts.Verdicts(lambda: witness, log or mock.Mock(), said.append)
    for number, loss in enumerate(losses):
        steps = [StepEvidence(100 * n, layers, loss) for n in range(8)]
        seen = Evidence((), steps, guessing_loss=1.0)
        witness.evidence = lambda left, seen=seen: seen
        told.add([types.SimpleNamespace(step=number)], None, None)
        told.judge()
    told.end()
    return [line.split(":")[0].split(", ")[1] for line in said]


def test_a_loss_that_hovers_about_guessing_is_not_told_one_thing_and_another():
    # It has learned below 0.95.
    hovers = [0.97, 0.94, 0.96, 0.93, 0.97]
    assert told_of(hovers) == ["step 0", "at the end of training"]
    learns = [0.97, 0.94, 0.9, 0.93, 0.96, 0.94]
    assert told_of(learns) == ["step 0", "step 2"]
    falls_back = [0.92, 0.96, 1.0, 0.96, 0.94]
    assert told_of(falls_back) == ["step 2", "at the end of training"]


def test_causes_do_not_take_turns_where_the_loss_hovers(monkeypatch):
    causes = ["collapsed", "vanishing", "collapsed", "vanishing", "diverged", "healthy"]
    found = [Verdict([Finding(x, "", "")] if x != "healthy" else []) for x in causes]
    monkeypatch.setattr(verdicts, "judge", mock.Mock(side_effect=found))
    # What comes before another cause may bring it about; what is lost is told at once.
    told = ["step 0", "step 1", "step 4", "at the end of training"]
    assert told_of([1.0] * 5) == told


def test_what_no_longer_holds_is_zero_in_its_chart():
    log = mock.Mock()
    assert told_of([0.97, 0.9, 0.9], log) == ["step 0", "step 1"]
    written = [call.args[0][0] for call in log.write.call_args_list]
    assert {x.step: x.scalars for x in written} == {
        0: {"findings/vanishing": 1.0},
        1: {"findings/vanishing": 0.0},
        2: {"findings/vanishing": 0.0},
    }


def test_the_text_that_is_left_is_of_the_end(monkeypatch):
    found = [Verdict([Finding("diverged", why, "")]) for why in ("At once.", "Later.")]
    monkeypatch.setattr(verdicts, "judge", mock.Mock(side_effect=found))
    log = mock.Mock()
    told_of([1.0], log)
    texts = [call.args[1] for call in log.text.call_args_list]
    assert ["At once." in x for x in texts] == [True, False] and "Later." in texts[-1]


@pytest.mark.slow
def test_of_many_steps_few_are_kept(learned):
    seen = learned.seen
    steps = [x.step for x in seen[-1].steps]
    assert len(steps) < 34 and steps[0] == 0 and steps[-1] == 47
    # The loss is that of the step, as Keras counts it.
    first = oracle.fresh(well).evaluate(X[:4], Y[:4], verbose=0)
    assert seen[0].steps[0].loss == pytest.approx(first, rel=1e-5)


@pytest.mark.slow
def test_inputs_and_labels_are_those_of_the_batches_that_were_seen(
    tmp_path, monkeypatch
):
    seen, judge = [], verdicts.judge
    monkeypatch.setattr(verdicts, "judge", lambda x: seen.append(x) or judge(x))
    rare = (X[:, 0] > 1).astype("float32")
    callback = oracle.watching(tmp_path, histogram_steps=1)
    oracle.train(well, X, rare, [callback], epochs=3, class_weight={0: 1.0, 1: 4.0})
    evidence = seen[-1]
    assert evidence.labels == (0, 1)
    assert evidence.input_rms == pytest.approx(np.sqrt(np.mean(X**2)), rel=1e-5)
    # A prediction that is the same for all rows, weighted as the loss is.
    weights = np.where(rare == 1, 4.0, 1.0)
    p = np.average(rare, weights=weights)
    entropy = -p * np.log(p) - (1 - p) * np.log(1 - p)
    assert evidence.guessing_loss == pytest.approx(weights.mean() * entropy, rel=0.02)


@pytest.mark.slow
def test_what_layers_return_is_measured(tmp_path, monkeypatch):
    def flat():
        wide = keras.initializers.RandomNormal(0, 2.0, seed=1)
        return model("tanh", depth=1, kernel_initializer=wide, name="first")

    seen, judge = [], verdicts.judge
    monkeypatch.setattr(verdicts, "judge", lambda x: seen.append(x) or judge(x))
    trained(flat, tmp_path, write_activations=True)
    first = oracle.fresh(flat).layers[0]
    output = keras.ops.convert_to_numpy(first(X[:4]))
    told = seen[0].steps[0].layers["first"]
    assert told.saturated == pytest.approx(np.mean(1 - output**2 < 0.1), abs=1e-6)
    assert told.output_rms == pytest.approx(np.sqrt(np.mean(output**2)), rel=0.1)


@pytest.mark.parametrize(
    ("last", "loss", "told"),
    [
        ("softmax", "sparse_categorical_crossentropy", ("softmax", False)),
        (None, keras.losses.BinaryCrossentropy(from_logits=True), ("linear", True)),
        ("sigmoid", keras.losses.binary_crossentropy, ("sigmoid", False)),
        ("sigmoid", ["binary_crossentropy"], ("sigmoid", False)),
    ],
)
def test_output_and_loss_of_a_model_are_known(last, loss, told):
    made = keras.Sequential([keras.Input((4,)), layers.Dense(3, last)])
    made.compile("adam", loss)
    known = evidence_of(made)
    assert (known.last_activation, known.from_logits) == told
    assert (known.last_units, known.optimizer) == (3, "Adam")
    assert known.loss_name.endswith("crossentropy")


def test_of_what_an_operation_makes_of_a_layer_no_activation_is_known():
    x = keras.Input((4,))
    scores = 5 * layers.Dense(3, "softmax")(x)
    known = evidence_of(keras.Model(x, scores))
    assert (known.last_activation, known.last_units) == (None, 3)


def test_layers_of_a_model_are_known():
    x = keras.Input((3, 2))
    bare = {"axis": (1, 2), "scale": False, "center": False, "name": "bare"}
    scaled = layers.LayerNormalization(**bare)(x)
    hidden = layers.GRU(2, name="gru")(layers.Dense(2, "relu", name="frozen")(scaled))
    norm = layers.LayerNormalization(name="norm")(layers.Dense(1, name="one")(hidden))
    made = keras.Model(x, layers.Softmax(name="end")(norm))
    made.get_layer("frozen").trainable = False
    facts = {x.name: x for x in evidence_of(made, ["g*", "norm", "frozen"]).layers}
    assert [x for x in facts if facts[x].is_recurrent] == ["gru"]
    assert facts["norm"].units == 1 and facts["norm"].kind == "LayerNormalization"
    assert facts["bare"].units == 6
    assert (
        facts["frozen"].is_trainable is False and facts["frozen"].activation == "relu"
    )
    assert not facts["one"].is_watched and facts["gru"].is_watched
    assert facts["end"].activation == "softmax" and facts["end"].is_trainable is None
    words = str(judge(evidence_of(made, ["g*"])))
    assert "not judged: one and norm." in words
    assert "through time inside gru is not seen" in words
