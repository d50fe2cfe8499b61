"""More of the zoo: models of sequences, of rows of a table, and of several parts."""

import keras
from keras import layers, ops
from oracles.zoo import (
    CLASSES,
    EXAMPLES,
    FEATURES,
    LABELS,
    NEXT_WORDS,
    SEQUENCES,
    TARGETS,
    WORDS,
    Example,
    example,
    feed_forward,
    normal,
    sgd,
    whole,
)

# Sequences.


@example([WORDS, NEXT_WORDS], WORDS, CLASSES, optimizer="rmsprop")
def seq2seq_lstm(inputs):
    source, target = map(layers.Embedding(7, 4), inputs)
    _, *state = layers.LSTM(4, return_state=True)(source)
    decoded = layers.LSTM(4, return_sequences=True)(target, initial_state=state)
    context = layers.AdditiveAttention()([decoded, source])
    return layers.Dense(7)(layers.Concatenate()([decoded, context]))


@example(SEQUENCES, whole(3, 2) + 1, keras.losses.CTC())
def speech(x):
    """Reads, in both directions, what WaveNet's convolutions have found."""
    skips = []
    for rate in (1, 2):
        both = layers.Conv1D(8, 2, padding="causal", dilation_rate=rate)(x)
        value, gate = ops.split(both, 2, axis=-1)
        hidden = ops.tanh(value) * ops.sigmoid(gate)
        skips.append(layers.Conv1D(4, 1)(hidden))
        x = x + hidden
    read = layers.Bidirectional(layers.SimpleRNN(3, return_sequences=True))
    return layers.Dense(5)(layers.Dropout(0.2)(read(ops.relu(sum(skips)))))


@example(SEQUENCES, TARGETS)
def gated_mixer(x):
    """Mixes along the sequence, and adds what gates let through."""
    mixed = layers.Permute((2, 1))(layers.LayerNormalization()(x))
    x = x + layers.Permute((2, 1))(feed_forward(mixed))
    hidden = layers.Dropout(0.1)(layers.Dense(4, "elu")(x))
    gated = layers.Dense(4)(hidden) * layers.Dense(4, "sigmoid")(hidden)
    x = layers.LayerNormalization()(x + gated)
    return layers.Dense(3)(layers.GlobalAveragePooling1D()(x))


# Rows.


class Experts(layers.Layer):
    """A mixture of experts of which each row takes two, with a loss for balance."""

    def build(self, shape):
        self.kernels = self.add_weight(shape=(4, shape[-1], 6), name="kernels")
        self.gate = layers.Dense(4, use_bias=False)
        self.gate.build(shape)

    def call(self, x):
        shares = ops.softmax(self.gate(x))
        best, chosen = ops.top_k(shares, 2)
        mask = ops.sum(ops.one_hot(chosen, 4) * best[..., None], axis=-2)
        self.add_loss(4 * ops.sum(ops.mean(shares, 0) * ops.mean(mask, 0)))
        return ops.einsum("be,bi,eio->bo", mask, x, self.kernels)


@example(FEATURES, TARGETS)
def mixture_of_experts(x):
    return layers.Dense(3)(Experts()(x))


@example(
    {"user": whole(9), "item": whole(9), "seen": whole(9, 3)},
    normal(1),
    optimizer="adagrad",
)
def recommender(inputs):
    embedded = layers.Embedding(9, 4, embeddings_regularizer="l2")
    user = layers.Embedding(9, 4)(inputs["user"])
    user += layers.GlobalAveragePooling1D()(embedded(inputs["seen"]))
    bias = layers.Flatten()(layers.Embedding(9, 1)(inputs["item"][:, None]))
    return layers.Dot(1, normalize=True)([user, embedded(inputs["item"])]) + bias


@example(
    {"age": normal(1), "kind": whole(4, 1), "more": normal(3)},
    {"class": LABELS, "size": TARGETS},
    loss={"class": CLASSES, "size": "huber"},
    loss_weights={"class": 0.3, "size": 2.0},
    metrics={"class": ["accuracy"], "size": ["mae", "mse"]},
)
def several_outputs(inputs):
    """Sees a table's columns, each in a way of its own, wide and deep."""
    scaled = layers.Normalization(mean=0.5, variance=2.0)(inputs["age"])
    kind = layers.CategoryEncoding(4, "one_hot")(inputs["kind"])
    crossed = layers.Flatten()(layers.Embedding(4, 2)(inputs["kind"]))
    wide = layers.Concatenate()([scaled, kind, inputs["more"], crossed])
    deep = layers.BatchNormalization()(layers.Dense(3, "selu")(wide))
    return {
        "class": layers.Dense(3, name="class")(layers.AlphaDropout(0.1)(deep)),
        "size": layers.Dense(3)(wide) + deep,
    }


class Coupling(layers.Layer):
    """Shifts and scales one half by the other, as a normalising flow does."""

    def build(self, shape):
        self.net = keras.Sequential([layers.Dense(6, "tanh")])
        self.net.build((None, 3))

    def call(self, x):
        kept, changed = ops.split(x, 2, axis=-1)
        scale, shift = ops.split(self.net(kept), 2, axis=-1)
        self.add_loss(-ops.mean(scale))
        return ops.concatenate([changed * ops.exp(scale) + shift, kept], axis=-1)


def gaussian(_, z):
    return ops.mean(z**2) / 2


@example(FEATURES, FEATURES, gaussian)
def normalising_flow(x):
    return Coupling()(Coupling()(x))


@example({"nodes": normal(5, 4), "edges": whole(2, 5, 5)}, TARGETS)
def graph_network(inputs):
    nodes, edges = inputs["nodes"], ops.cast(inputs["edges"], "float32")
    messages = ops.matmul(edges, layers.Dense(4, "relu")(nodes))
    return layers.Dense(3)(ops.sum(nodes + messages / 5, axis=1))


def fine_tuned():
    """Adapts what is below and above of a frozen body, whose norm stays as it is."""
    body = keras.Sequential(
        [keras.Input((20,)), layers.Dense(5, "relu"), layers.BatchNormalization()],
        name="body",
    )
    body.trainable = False
    words = keras.Input((5,), dtype="int32")
    embedding, head = layers.Embedding(7, 4), layers.Dense(3)
    hidden = body(layers.Flatten()(embedding(words)), training=False)
    model = keras.Model(words, head(layers.Dropout(0.2)(hidden)))
    embedding.enable_lora(2)
    head.enable_lora(2)
    return model


EXAMPLES["fine_tuned"] = Example(
    fine_tuned,
    WORDS,
    LABELS,
    sgd(use_ema=True, ema_overwrite_frequency=2),
    {"loss": CLASSES},
)
