"""The rest of the zoo: models with a training step of their own."""

import keras
import tensorflow as tf
from keras import layers, ops
from oracles.zoo import EXAMPLES, FEATURES, IMAGES, Example, normal


def example(x, y=None, **options):
    """Registers a kind of model under its name, with what it is fed with."""

    def register(kind):
        EXAMPLES[kind.__name__] = Example(kind, x, y, **options)
        return kind

    return register


class OwnStep(keras.Model):
    """Trains by the loss that `loss_of` returns; has no `call`."""

    def __init__(self):
        super().__init__()
        self.seed = keras.random.SeedGenerator(5)
        self.mean_loss = keras.metrics.Mean(name="loss")
        self.make()

    @property
    def updated(self):
        """The weights that `optimizer` updates."""
        return self.trainable_weights

    def compile(self, optimizer, **settings):
        super().compile(optimizer, **settings)
        self.optimizer.build(self.updated)  # Else a step is traced twice.

    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss = self.loss_of(data)
        weights = self.updated
        gradients = tape.gradient(loss, weights)
        self.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        self.mean_loss.update_state(loss)
        return {"loss": self.mean_loss.result()}


def net(inputs, *stack, name=None):
    return keras.Sequential([keras.Input((inputs,)), *stack], name=name)


def residual_net():
    x = keras.Input((6,))
    hidden = layers.BatchNormalization()(layers.Dense(6, "relu")(x))
    return keras.Model(x, layers.Add()([x, hidden]))


@example(FEATURES, optimizer="adam")
class VAE(OwnStep):
    """Draws a code around what the encoder says, and punishes what it tells."""

    def make(self):
        self.encoder, self.decoder = net(6, layers.Dense(4)), net(2, layers.Dense(6))

    def loss_of(self, x):
        mean, log_variance = ops.split(self.encoder(x), 2, axis=-1)
        noise = keras.random.normal(ops.shape(mean), seed=self.seed)
        decoded = self.decoder(mean + ops.exp(log_variance / 2) * noise)
        told = 1 + log_variance - ops.square(mean) - ops.exp(log_variance)
        return ops.mean(ops.sum((x - decoded) ** 2, -1)) - ops.mean(told) / 2


@example(IMAGES)
class VQVAE(OwnStep):
    """Encodes by the nearest of a book of codes; its gradient goes straight through."""

    def make(self):
        self.encoder = keras.Sequential(
            [keras.Input((6, 6, 4)), layers.Conv2D(3, 2, 2)]
        )
        self.decoder = keras.Sequential(
            [keras.Input((3, 3, 3)), layers.Conv2DTranspose(4, 2, 2)]
        )
        self.codes = self.add_weight(shape=(8, 3), initializer="uniform", name="codes")

    def loss_of(self, x):
        code = self.encoder(x)
        apart = ops.sum((code[..., None, :] - self.codes) ** 2, axis=-1)
        nearest = ops.take(self.codes, ops.argmin(apart, axis=-1), axis=0)
        still = ops.stop_gradient
        committed = 0.25 * ops.mean((still(nearest) - code) ** 2)
        committed += ops.mean((nearest - still(code)) ** 2)
        return committed + ops.mean(
            (x - self.decoder(code + still(nearest - code))) ** 2
        )


class TwoOptimizers(OwnStep):
    """Two networks against each other, each with an optimizer of its own."""

    def make(self):
        self.generator = residual_net()
        self.critic = net(
            6, layers.Dense(5, "leaky_relu"), layers.Dense(1), name="critic"
        )

    @property
    def updated(self):
        return self.generator.trainable_weights

    def compile(self, optimizer, **settings):
        super().compile(optimizer, **settings)
        self.critic_optimizer = keras.optimizers.Adam(1e-2, beta_1=0.5)
        self.critic_optimizer.build(self.critic.trainable_weights)

    def train_step(self, x):
        noise = keras.random.normal(ops.shape(x), seed=self.seed)
        for optimizer, part, loss_of in (
            (self.critic_optimizer, self.critic, self.critic_loss),
            (self.optimizer, self.generator, self.generator_loss),
        ):
            with tf.GradientTape() as tape:
                loss = loss_of(x, self.generator(noise, training=True))
            weights = part.trainable_weights
            optimizer.apply(tape.gradient(loss, weights), weights)
        return {"loss": loss}


@example(FEATURES)
class WGAN(TwoOptimizers):
    """Learns from a critic whose slope is held near one."""

    def critic_loss(self, x, made):
        share = keras.random.uniform(ops.shape(x[:, :1]), seed=self.seed)
        between = x + share * (made - x)
        with tf.GradientTape() as tape:
            tape.watch(between)
            said = self.critic(between, training=True)
        slope = ops.sqrt(ops.sum(tape.gradient(said, between) ** 2, axis=-1) + 1e-9)
        gain = ops.mean(self.critic(made)) - ops.mean(self.critic(x))
        return gain + 10 * ops.mean((slope - 1) ** 2)

    def generator_loss(self, x, made):
        return -ops.mean(self.critic(made))


@example(FEATURES)
class SlopePenalty(OwnStep):
    """Is trained by a derivative of its own derivative, with one optimizer."""

    def make(self):
        self.net = net(6, layers.Dense(5, "tanh"), layers.Dense(1))

    def loss_of(self, x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = self.net(x)
            first = inner.gradient(y, x)
        second = outer.gradient(first, x)
        return ops.mean((second + y) ** 2) + ops.mean((first - 1) ** 2)


@example((normal(6), normal(6), normal(6)))
class Siamese(OwnStep):
    """Has one net see an anchor, what is like it, and what is not."""

    def make(self):
        self.net = residual_net()

    def loss_of(self, triplet):
        anchor, like, unlike = (self.net(x, training=True) for x in triplet[0])
        near, far = (ops.sum((anchor - x) ** 2, -1) for x in (like, unlike))
        return ops.mean(ops.relu(near - far + 0.5))


@example(FEATURES)
class Diffusion(OwnStep):
    """Learns to take noise away; a copy of the net follows by a moving average."""

    def make(self):
        self.net, self.slow = residual_net(), residual_net()
        self.slow.trainable = False
        self.normalizer = layers.Normalization(mean=0.1, variance=1.5)
        self.normalizer.build((None, 6))

    def loss_of(self, x):
        x = self.normalizer(x)
        noise = keras.random.normal(ops.shape(x), seed=self.seed)
        angle = keras.random.uniform(ops.shape(x[:, :1]), 0.1, 1.5, seed=self.seed)
        noisy = ops.cos(angle) * x + ops.sin(angle) * noise
        return ops.mean(ops.abs(self.net(noisy, training=True) - noise))

    def train_step(self, data):
        logs = super().train_step(data)
        for slow, weight in zip(self.slow.weights, self.net.weights, strict=True):
            slow.assign(0.99 * slow + 0.01 * weight)
        return logs
