"""The one table of activation functions.

Reading the table does not import TensorFlow: a function is handed the module
when it is called.

>>> ACTIVATIONS["relu"].formula
'max(0, x)'
>>> ACTIVATIONS["sigmoid"].largest_slope
0.25
>>> ACTIVATIONS["relu"]([-2.0, 3.0]).numpy().tolist()
[0.0, 3.0]
"""

import dataclasses
from collections.abc import Callable
from typing import Any


@dataclasses.dataclass(frozen=True)
class Activation:
    """One activation: how it is computed and what is known of it.

    Attributes:
        name: what the user types.
        function: `(tf, z) -> a`; `z` is `[N, pieces * O]`, `a` is `[N, O]`.
        formula: as its source writes it.
        largest_slope: supremum of |f'|: the most by which the non-linearity
            alone can stretch a gradient that passes it.
        source: where the formula and its constants come from.
        pieces: affine maps that feed one unit; 2 for maxout, else 1.
    """

    name: str
    function: Callable
    formula: str
    largest_slope: float
    source: str
    pieces: int = 1

    def __call__(self, z: Any) -> Any:
        """Returns the activation of `z`, as a tensor of its floating dtype."""
        import tensorflow as tf

        return self.function(tf, tf.convert_to_tensor(z))

    def slope(self, z: Any) -> Any:
        """Returns f'(z) as a tensor like `z`; of maxout, 1 for the map that is larger.

        >>> ACTIVATIONS["relu"].slope([-2.0, 3.0]).numpy().tolist()
        [0.0, 1.0]
        """
        import tensorflow as tf

        z = tf.convert_to_tensor(z)
        with tf.GradientTape() as tape:
            tape.watch(z)
            a = self.function(tf, z)
        return tape.gradient(a, z)


def _selu(tf, z):
    # tf.nn.selu has slope 1.05 at zero, and under XLA 1.76: here it is 1.76 always.
    with tf.name_scope("Selu"):
        # Clamped, because tf.where also differentiates the branch not taken.
        negative = SELU_ALPHA * tf.math.expm1(tf.minimum(z, 0.0))
        return SELU_SCALE * tf.where(z > 0, z, negative)


def _silu(tf, z):
    with tf.name_scope("Silu"):
        return tf.nn.silu(z)


def _maxout(tf, z):
    with tf.name_scope("Maxout"):
        first, second = tf.split(z, 2, axis=-1)
        # A tie's gradient goes to the first map; reduce_max would halve it.
        return tf.maximum(first, second)


VERY_LEAKY_SLOPE = 1 / 3  # Graham 2014, as Mishkin & Matas 2016 use it.
LEAKY_SLOPE = 0.1  # The lecture's; TensorFlow's default is 0.2, Keras's 0.3.
SELU_ALPHA = 1.6732632423543772  # Klambauer et al. 2017, equation 14.
SELU_SCALE = 1.0507009873554805

_LECTURE = "the lecture, picture 11"

ACTIVATIONS = {
    activation.name: activation
    for activation in (
        Activation(
            name="sigmoid",
            function=lambda tf, z: tf.sigmoid(z),
            formula="1 / (1 + e^-x)",
            largest_slope=0.25,
            source=_LECTURE,
        ),
        Activation(
            name="tanh",
            function=lambda tf, z: tf.tanh(z),
            formula="tanh(x)",
            largest_slope=1.0,
            source=_LECTURE,
        ),
        Activation(
            name="relu",
            function=lambda tf, z: tf.nn.relu(z),
            formula="max(0, x)",
            largest_slope=1.0,
            source=_LECTURE + "; Nair & Hinton 2010",
        ),
        Activation(
            name="leaky_relu",
            function=lambda tf, z: tf.nn.leaky_relu(z, LEAKY_SLOPE),
            formula="max(0.1 x, x)",
            largest_slope=1.0,
            source=_LECTURE + "; Maas et al. 2013",
        ),
        Activation(
            name="very_leaky_relu",
            function=lambda tf, z: tf.nn.leaky_relu(z, VERY_LEAKY_SLOPE),
            formula="max(x / 3, x)",
            largest_slope=1.0,
            source="Graham 2014, arXiv:1409.6070; Mishkin & Matas 2016",
        ),
        Activation(
            name="elu",
            function=lambda tf, z: tf.nn.elu(z),
            formula="x if x > 0 else e^x - 1",
            largest_slope=1.0,
            source=_LECTURE + ", with alpha = 1; Clevert et al. 2015",
        ),
        Activation(
            name="maxout",
            function=_maxout,
            formula="max(w1 x + b1, w2 x + b2)",
            largest_slope=1.0,
            source=_LECTURE + "; Goodfellow et al. 2013",
            pieces=2,
        ),
        Activation(
            name="selu",
            function=_selu,
            formula="1.0507 (x if x > 0 else 1.6733 (e^x - 1))",
            largest_slope=SELU_SCALE * SELU_ALPHA,
            source="Klambauer et al. 2017, arXiv:1706.02515",
        ),
        Activation(
            name="gelu",
            function=lambda tf, z: tf.nn.gelu(z),
            formula="x (1 + erf(x / sqrt(2))) / 2",
            largest_slope=1.1289041,
            source="Hendrycks & Gimpel 2016, arXiv:1606.08415; slope at x = sqrt(2)",
        ),
        Activation(
            name="silu",
            function=_silu,
            formula="x / (1 + e^-x)",
            largest_slope=1.0998393,
            source="Elfwing et al. 2017, arXiv:1702.03118; slope at x = 2.3994",
        ),
        Activation(
            name="softplus",
            function=lambda tf, z: tf.nn.softplus(z),
            formula="log(1 + e^x)",
            largest_slope=1.0,
            source="Dugas et al. 2001, Incorporating second-order functional knowledge",
        ),
        Activation(
            name="identity",
            function=lambda tf, z: tf.identity(z),
            formula="x",
            largest_slope=1.0,
            source="a control: a deep linear network, Saxe et al. 2013",
        ),
    )
}
