"""What layers return is counted over all their calls, however large it is."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from xorlab.steps import histograms, measures
from xorlab.steps.outputs import LayerOutputs

RNG = np.random.default_rng(5)
RETURNED = {
    "once": [RNG.normal(size=(2, 3))],
    "twice": [RNG.normal(size=(2, 3)), -3 + RNG.normal(size=(4, 5))],
    "nothing that floats": [np.arange(3)],
    "never": [],
    "two at a time": [[RNG.normal(size=(4, 4)), 9 + RNG.normal(size=4)]],
}


@pytest.mark.parametrize("eager", [False, True], ids=["graph", "eager"])
@pytest.mark.parametrize("few", [0, 8, 100])  # Of none, of some and of all.
def test_a_layer_s_calls_are_counted_together(few, eager, monkeypatch):
    monkeypatch.setattr(measures, "SMALL", few)
    layers = {name: keras.layers.Layer() for name in RETURNED}
    outputs = LayerOutputs(layers, tf.Variable(0))
    # Known before the step is traced, as positions in a sequence may be.
    calls = {
        name: [tf.nest.map_structure(tf.constant, x) for x in each]
        for name, each in RETURNED.items()
    }

    def step():
        for name, each in calls.items():
            for output in each:
                outputs.add(layers[name], output)
        outputs.begin_update()
        for _ in range(2):  # As where a step updates its weights by several calls.
            outputs.keep(outputs.passing())

    (step if eager else tf.function(step, autograph=False))()
    names, counts, ends = outputs.counts()
    assert names == ["once", "twice", "two at a time"]
    arrays = [
        np.concatenate([np.float32(x).ravel() for x in tf.nest.flatten(RETURNED[name])])
        for name in names
    ]
    np.testing.assert_array_equal(counts, histograms.count(arrays))
    # Of float64 the ends are not rounded.
    np.testing.assert_allclose(ends, histograms.find_ends(arrays), rtol=1e-7)
    outputs.clear()
    assert outputs.returned == ["once", "twice", "two at a time"]


@pytest.mark.parametrize("few", [0, 100])
def test_what_is_returned_inside_a_loop_is_not_counted(few, monkeypatch):
    monkeypatch.setattr(measures, "SMALL", few)
    layer = keras.layers.Layer()
    outputs = LayerOutputs({"inside": layer}, tf.Variable(0))
    known = tf.ones([3])

    @tf.function(autograph=False)
    def step():
        def go_on(number):
            outputs.add(layer, known)
            outputs.add(layer, [known, tf.ones([2]) * tf.cast(number, tf.float32)])
            return number + 1

        tf.while_loop(lambda number: number < 3, go_on, [0])
        outputs.begin_update()
        outputs.keep(outputs.passing())

    step()
    names, *_ = outputs.counts()
    assert names == []
