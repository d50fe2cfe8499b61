"""Several optimizers, or one that is not Keras's own: each one's gradients are true."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers
from oracles import callback_oracle as oracle

from xorlab.watching import verdicts

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(9)
X = RNG.normal(size=(12, 3)).astype("float32")
Y = RNG.normal(size=(12, 2)).astype("float32")
REAL = oracle.as_dataset(X)
DATA = oracle.as_dataset(X, Y)
NOISE = tf.constant(RNG.normal(size=(oracle.ROWS, 2)).astype("float32"))


class OwnStep(keras.Sequential):
    """Has a step that might do anything: its optimizer is built by the first one."""

    def train_step(self, data):
        return super().train_step(data)


def network(name, inputs, outputs, kind=keras.Sequential):
    dense = layers.Dense(outputs, name="dense")
    return kind([keras.Input((inputs,)), dense], name=name)


class Gan(keras.Model):
    """Two networks that learn from one another, each by an optimizer of its own."""

    critics = 1  # Updates of the discriminator to one of the generator.

    def __init__(self):
        super().__init__()
        self.discriminator = network("discriminator", 3, 1)
        self.generator = network("generator", 2, 3)

    def compile(self, d_optimizer, g_optimizer, jit_compile):
        super().compile(jit_compile=jit_compile)  # Which adds one that is never used.
        self.d_optimizer = d_optimizer
        self.g_optimizer = g_optimizer

    def d_loss(self, real):
        real, false = self.discriminator(real), self.discriminator(self.fake())
        return tf.reduce_mean((real - 1) ** 2) + tf.reduce_mean(false**2)

    def g_loss(self, real):
        return tf.reduce_mean((self.discriminator(self.fake()) - 1) ** 2)

    def fake(self):
        return self.generator(NOISE)

    def updates(self):
        critic = (self.d_optimizer, self.discriminator, self.d_loss)
        return [critic] * self.critics + [
            (self.g_optimizer, self.generator, self.g_loss)
        ]

    def train_step(self, real):
        for optimizer, part, of_loss in self.updates():
            with tf.GradientTape() as tape:
                loss = of_loss(real)
            gradients = tape.gradient(loss, part.trainable_weights)
            optimizer.apply_gradients(
                zip(gradients, part.trainable_weights, strict=True)
            )
        return {"loss": loss}


class Wgan(Gan):
    critics = 2


def compiled(kind, jit):
    def make():
        model = kind()
        model.compile(optimizers.SGD(0.1, momentum=0.9), optimizers.SGD(0.05), jit)
        return model

    return make


def true_updates(model, batches):
    """Yields, for each batch, the last update of each optimizer; trains the model."""
    for batch in batches:
        steps = {}
        for optimizer, part, of_loss in model.updates():
            weights = part.trainable_weights
            with tf.GradientTape() as tape:
                loss = of_loss(batch)
            gradients = tape.gradient(loss, weights)
            before, number = oracle.arrays(weights), int(optimizer.iterations)
            optimizer.apply(gradients, weights)
            values = (oracle.arrays(gradients), before, oracle.arrays(weights))
            paths = [weight.path for weight in weights]
            by_tag = (dict(zip(paths, each, strict=True)) for each in values)
            steps[id(optimizer)] = (number, oracle.Step(*by_tag))
        yield [steps[id(x)] for x in (model.d_optimizer, model.g_optimizer)]


def assert_same(ours, plain):
    def state(model):
        both = model.d_optimizer.variables + model.g_optimizer.variables
        return oracle.arrays([*model.variables, *both])

    for one, other in zip(state(ours), state(plain), strict=True):
        np.testing.assert_array_equal(one, other)


def steps_logged(jit):
    """Every second; but XLA takes seconds to compile the one that is left to Keras."""
    return 1 if jit else 2


@pytest.mark.parametrize("jit", [False, True], ids=["graph", "xla"])
def test_both_networks_of_a_gan_are_logged(jit, tmp_path):
    make, every = compiled(Wgan, jit), steps_logged(jit)
    callback = oracle.watching(tmp_path, histogram_steps=every, write_activations=True)
    ours = oracle.train(make, REAL, callbacks=[callback], epochs=2)
    assert_same(ours, oracle.train(make, REAL, epochs=2))
    batches = [batch for (batch,) in oracle.batches_of(X)] * 2
    truth = list(true_updates(oracle.fresh(make), batches))
    log = oracle.read(tmp_path)
    assert len(truth) == 6
    for optimizer, name in enumerate(["d_optimizer", "g_optimizer"]):
        steps = dict(each[optimizer] for each in truth)
        logged = [each[optimizer][0] for each in truth[::every]]
        oracle.assert_true(log, steps, logged, optimizer=name)
    outputs = [tag for tag in log.histograms if tag.endswith("/activation")]
    assert any("generator" in tag for tag in outputs)


class Starving(Gan):
    """Its generator is too deep for sigmoids; its critic is well, in other units."""

    def __init__(self):
        super().__init__()
        hidden = [layers.Dense(3, "sigmoid") for _ in range(9)]
        parts = [keras.Input((2,)), *hidden, layers.Dense(3)]
        self.generator = keras.Sequential(parts, name="generator")

    def d_loss(self, real):
        return 1e-6 * super().d_loss(real)


def test_of_a_gan_the_network_that_starves_is_told_and_not_the_other(
    tmp_path, monkeypatch
):
    seen, judge = [], verdicts.judge_apart

    def noted(evidence, apart):
        seen.extend(evidence.steps)
        return judge(evidence, apart)

    monkeypatch.setattr(verdicts, "judge_apart", noted)

    def make():
        model = Starving()
        model.compile(optimizers.SGD(1e5), optimizers.SGD(0.05), False)
        return model

    callback = oracle.watching(tmp_path, histogram_steps=1)
    oracle.train(make, REAL, callbacks=[callback])
    [finding] = callback.verdict.findings
    assert finding.cause == "vanishing" and len(finding.layers) > 3
    assert all(layer.startswith("generator") for layer in finding.layers)
    assert finding.why.startswith("Of what g_optimizer trains: The gradient vanishes")
    # None of several rates is that of all layers.
    assert seen and all(step.learning_rate is None for step in seen)


def test_only_the_chosen_network_of_a_gan_is_logged(tmp_path):
    options = {"histogram_steps": 1, "write_activations": True}
    callback = oracle.watching(tmp_path, **options, layers="generator")
    oracle.train(compiled(Gan, False), REAL, callbacks=[callback])
    log = oracle.read(tmp_path)
    logged = {tag for tag in log.scalars if "/" in tag and "findings" not in tag}
    named = {"generator", "g_optimizer"}
    # Every optimizer has its learning rate, whatever it changes.
    logged.remove("learning_rate/d_optimizer")
    assert logged and all(named & set(tag.split("/")) for tag in logged)
    outputs = {tag for tag in log.histograms if tag.endswith("/activation")}
    assert outputs and all("generator" in tag.split("/") for tag in outputs)
    # The half that nobody watched is not well, but not seen.
    assert "not judged: discriminator/" in str(callback.verdict)


def test_weights_of_two_optimizers_are_told_apart(tmp_path):
    class Shared(keras.Model):
        def __init__(self):
            super().__init__()
            self.body, self.head = layers.Dense(2, name="body"), layers.Dense(2)
            self.body.build((None, 3))
            self.second = [optimizers.SGD(0.1)]

        def train_step(self, data):
            x, y = data
            for scale, optimizer in ((1.0, self.optimizer), (3.0, self.second[0])):
                with tf.GradientTape() as tape:
                    loss = scale * tf.reduce_mean(self.body(x))
                weights = self.body.trainable_weights
                optimizer.apply(tape.gradient(loss, weights), weights)
            return {"loss": loss}

    def make():
        model = Shared()
        model.compile("sgd", jit_compile=False)
        return model

    oracle.train(make, DATA, None, [oracle.watching(tmp_path, histogram_steps=1)])
    norms = oracle.read(tmp_path).scalars
    for step in range(3):
        first, second = norms["gradient_rms/body"], norms["gradient_rms/second/0/body"]
        oracle.close(second[step], 3 * first[step])
        oracle.close(norms["gradient_norm/second/0"][step], 3 * first[step] * 8**0.5)


class Centralized(optimizers.SGD):
    """Takes the mean out of the gradients of kernels, before it applies them."""

    def apply(self, grads, trainable_variables=None):
        centred = [
            g - tf.reduce_mean(g, axis=0, keepdims=True) if len(g.shape) > 1 else g
            for g in grads
        ]
        super().apply(centred, trainable_variables)


class Around(optimizers.Optimizer):
    """Negates gradients, and hands them on to another optimizer."""

    def __init__(self, other):
        super().__init__(learning_rate=0.0)
        self.other = other

    @property
    def iterations(self):
        return self.other.iterations

    def apply(self, grads, trainable_variables=None):
        self.other.apply([-g for g in grads], trainable_variables)


def several(choose):
    kernels = optimizers.SGD(0.1, momentum=0.9)
    rest = optimizers.RMSprop(0.01)
    if choose == "by call":
        return optimizers.MultiOptimizer(lambda v: (rest, kernels)["kernel" in v.path])
    table = optimizers.OptimizerMap(rest, {".*/kernel": kernels})
    return optimizers.MultiOptimizer(table, loss_scale_factor=8.0)


OWN = {
    "own apply": lambda: Centralized(0.1),
    "own apply, scaled": lambda: Centralized(0.1, loss_scale_factor=8.0),
    "own apply in LossScaleOptimizer": lambda: optimizers.LossScaleOptimizer(
        Centralized(0.1), initial_scale=64.0
    ),
    "around another": lambda: Around(optimizers.SGD(0.1)),
}
if hasattr(optimizers, "MultiOptimizer"):  # Keras 3.12 has none.
    OWN["several, by call"] = lambda: several("by call")
    OWN["several, by name"] = lambda: several("by name")


# XLA takes seconds for each: of those that scale the loss, and of those that choose an
# optimizer for each weight, one will do.
BY_XLA = {"own apply in LossScaleOptimizer", "around another", "several, by name"}


@pytest.mark.parametrize(
    ("name", "jit"),
    [
        pytest.param(name, jit, id=f"{name}-{'xla' if jit else 'graph'}")
        for name in OWN
        for jit in ([False, True] if name in BY_XLA else [False])
    ],
)
def test_the_gradient_of_the_loss_is_logged(name, jit, tmp_path):
    def make():
        model = network("own", 3, 2, OwnStep)
        model.compile(OWN[name](), "mse", jit_compile=jit)
        return model

    callback = oracle.watching(tmp_path, histogram_steps=steps_logged(jit))
    ours = oracle.train(make, DATA, None, [callback])
    plain, steps = oracle.true_steps(make, DATA, None, oracle.batches_of(X, Y))
    oracle.assert_same(ours, plain)
    oracle.assert_left_alone(ours)
    logged = range(0, 3, steps_logged(jit))
    oracle.assert_true(oracle.read(tmp_path), steps, logged)


def test_gradients_that_are_accumulated_as_changed_are_said_to_be_so(tmp_path):
    model = network("own", 3, 2)
    model.compile(Centralized(0.1, gradient_accumulation_steps=2), "mse")
    with pytest.warns(UserWarning, match="Centralized accumulates .* may have changed"):
        oracle.fit(model, X[:8], Y[:8], [oracle.watching(tmp_path)])
    assert list(oracle.read(tmp_path).scalars["gradient_norm"]) == [0]
