"""What draws random numbers for itself leaves those of a program as they were."""

import random

import keras
import numpy as np
import tensorflow as tf

from xorlab.steps import seeds


def draw():
    return [
        random.random(),
        np.random.random(),
        float(tf.random.uniform([])),
        float(tf.random.get_global_generator().uniform([])),
        float(keras.random.uniform([])),
    ]


def begin():
    keras.utils.clear_session(free_memory=False)  # Keras 3.12 keeps its own otherwise.
    keras.utils.set_random_seed(3)
    tf.random.set_global_generator(tf.random.Generator.from_seed(3))
    draw()


def test_random_numbers_of_every_kind_go_on_where_they_were():
    begin()
    expected = draw()
    begin()
    with seeds.kept(5):
        draw()
        draw()
    assert draw() == expected


def test_inside_they_follow_from_the_seed():
    def drawn(seed):
        with seeds.kept(seed):
            python, numpy, _, *others = draw()
        return python, numpy, *others

    begin()
    first = drawn(5)
    draw()  # Wherever those outside are.
    assert drawn(5) == first
    pairs = zip(first, drawn(2**63 - 1), strict=True)
    assert all(one != other for one, other in pairs)


def test_a_model_that_is_built_next_has_the_names_that_it_would_have_had():
    def number():
        return int(keras.layers.Dense(1).name.rpartition("_")[2])

    keras.layers.Dense(1)
    before = number()
    with seeds.kept(5):
        number()
    assert number() == before + 1
