"""The lecture's program as it was in TensorFlow 1: a graph, a session, a feed.

An oracle and a yardstick: it shares no computation with the package. As a script it
does the lecture's whole job, 200,000 steps with cost and accuracy logged:

    python tests/oracles/lecture_tf1.py --logdir logs/tf1
"""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from xorlab.models import data

tf1 = tf.compat.v1


class LectureProgram:
    """A fully connected network, its training step and a session to run it in.

    Args:
        weights: `[kernel 1, bias 1, kernel 2, …]`, as `model.get_weights()` gives
            them; kernels are `[I, O]`.
        activation: of every layer but the last, which is a sigmoid; such as
            `tf.nn.relu`.

    Attributes:
        graph: the `tf.Graph`; eager code beside it is not disturbed.
    """

    def __init__(self, weights: Sequence[np.ndarray], activation: Callable):
        self.graph = tf.Graph()
        with self.graph.as_default():
            x = tf1.placeholder(tf.float32, [None, 2], name="X-input")
            y = tf1.placeholder(tf.float32, [None, 1], name="Y-input")
            self._feed = {x: data.INPUTS, y: data.LABELS}

            self._weights = []
            depth = len(weights) // 2
            hypothesis = x
            for n in range(1, depth + 1):
                kernel = tf1.Variable(weights[2 * n - 2], name=f"Weight{n}")
                bias = tf1.Variable(weights[2 * n - 1], name=f"Bias{n}")
                self._weights += [kernel, bias]
                with tf.name_scope(f"layer{n}" if n < depth else "last"):
                    z = tf.matmul(hypothesis, kernel) + bias
                    hypothesis = activation(z) if n < depth else tf.sigmoid(z)

            log_likelihood = y * tf.math.log(hypothesis)
            log_likelihood += (1 - y) * tf.math.log(1 - hypothesis)
            self._cost = -tf.reduce_mean(log_likelihood)
            with tf.name_scope("train"):
                optimizer = tf1.train.GradientDescentOptimizer(learning_rate=0.1)
                self._train = optimizer.minimize(self._cost)
            predicted = tf.cast(hypothesis > 0.5, tf.float32)
            correct = tf.cast(tf.equal(predicted, y), tf.float32)
            self._accuracy = tf.reduce_mean(correct)

            tf1.summary.scalar("cost", self._cost)
            tf1.summary.scalar("accuracy", self._accuracy)
            self._summary = tf1.summary.merge_all()
            self._initialize = tf1.global_variables_initializer()
        self._session = tf1.Session(graph=self.graph)
        self.restart()

    def restart(self):
        """Goes back to the weights that were given."""
        self._session.run(self._initialize)

    def run(self, steps: int):
        """Makes full-batch steps, a session call each."""
        for _ in range(steps):
            self._session.run(self._train, feed_dict=self._feed)

    def weights(self) -> list[np.ndarray]:
        """Returns the weights of this moment, in the order they were given in."""
        return self._session.run(self._weights)

    def cost_and_accuracy(self) -> tuple[float, float]:
        """Returns cost (nats a row) and accuracy (share of rows) at these weights."""
        cost, accuracy = self._session.run(
            [self._cost, self._accuracy], feed_dict=self._feed
        )
        return float(cost), float(accuracy)

    def summary(self) -> bytes:
        """Returns a record of cost and accuracy, for an event file."""
        return self._session.run(self._summary, feed_dict=self._feed)


def train(program: LectureProgram, steps: int, log_every: int, logdir: str):
    """Trains, and logs and prints cost and accuracy every `log_every` steps."""
    with program.graph.as_default(), tf1.summary.FileWriter(logdir) as writer:
        writer.add_graph(program.graph)
        for step in range(0, steps + 1, log_every):
            if step:
                program.run(log_every)
            writer.add_summary(program.summary(), step)
            print(step, *program.cost_and_accuracy())


def main(argv):
    del argv
    widths = [2] + [5] * 10 + [1]
    weights = initial_weights("uniform", FLAGS.seed, widths, data.INPUTS, None)
    program = LectureProgram(weights, getattr(tf.nn, FLAGS.activation))
    train(program, FLAGS.steps, 2_000, FLAGS.logdir)


if __name__ == "__main__":
    from absl import app, flags

    from xorlab.models.initializers import initial_weights
    from xorlab.train import Config

    FLAGS = flags.FLAGS
    functions = ["sigmoid", "relu", "tanh", "elu"]
    flags.DEFINE_enum("activation", "relu", functions, "of the hidden layers")
    flags.DEFINE_integer("steps", 200_000, "full-batch updates, a multiple of 2,000")
    flags.DEFINE_integer("seed", Config().seed, "of the initial weights")
    flags.DEFINE_string("logdir", "logs/tf1", "folder of the event file")
    app.run(main)
