"""The random numbers of a process, left as they are found.

Like `internals`, it leans on private names: of where Keras and TensorFlow keep theirs.
"""

import contextlib
import random
from collections.abc import Iterator

import numpy as np
from keras.src.backend.common import global_state
from tensorflow.python.eager import context
from tensorflow.python.ops import stateful_random_ops

_OF_KERAS = "global_seed_generator"
_NAMES_OF_KERAS = "object_name_uids"  # How far `dense_7` has been counted.


@contextlib.contextmanager
def kept(seed: int) -> Iterator[None]:
    """Inside, random numbers follow from a seed; afterwards they go on as before.

    Those of Python, of NumPy's global generator, of `tf.random`'s, and of Keras's
    global seed generator; and Keras counts the names of new layers on from where it
    was. Seeds that layers hold are variables of theirs. What TensorFlow draws eagerly
    without a generator differs from one time inside to the next.
    """
    python, numpy = random.getstate(), np.random.get_state()
    eager = context.context()
    seeds_of_ops = getattr(eager, "_rng", None)
    generator = stateful_random_ops.global_generator
    generator_state = generator.state.numpy() if generator else None
    of_keras = global_state.get_global_attribute(_OF_KERAS)
    names = global_state.get_global_attribute(_NAMES_OF_KERAS)
    counts = dict(names) if names else {}
    # A new one is made of Python's numbers, where it is asked for.
    global_state.set_global_attribute(_OF_KERAS, None)
    random.seed(seed)
    np.random.seed(seed % 2**32)
    if seeds_of_ops:
        # Others, not the same again: an operation goes on where one of its seed was.
        eager._rng = random.Random(f"inside, {seed}")
    if generator:
        generator.reset_from_seed(seed)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        if seeds_of_ops:
            eager._rng = seeds_of_ops
        if generator:
            generator.state.assign(generator_state)
        global_state.set_global_attribute(_OF_KERAS, of_keras)
        if names:
            names.clear()
            names.update(counts)
