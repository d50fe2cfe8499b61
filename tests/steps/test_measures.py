"""What is measured inside a step is what NumPy finds."""

import os
import re
import sys

import numpy as np
import pytest
import tensorflow as tf
from oracles import processes

from xorlab.steps import exact, histograms, measures, parts

RNG = np.random.default_rng(0)
SPECIALS = [0.0, -0.0, 1e-9, -1e-3, np.nan, np.inf, -np.inf, 3.4e38, 1.0]
SCALES = 10.0 ** np.linspace(-30, 30, 1000)
LISTS = {
    "special values": [SPECIALS],
    "all scales": [SCALES, -SCALES],
    "nothing": [[]],
    "several": [[[1e-30, -2.0]], [], [3.0], RNG.normal(size=(7, 11))],
    "in parts": [RNG.normal(size=2**21 + 12345)],
    "mixed": [
        *([1.0, 2.0], RNG.normal(size=(3, parts.PART)), [4.0]),
        RNG.normal(size=parts.PART + 1),
    ],
}


@pytest.fixture(params=["small", "big", "xla"])
def measured(request, monkeypatch):
    """Calls a measure of lists of arrays, in each of the ways it is computed."""
    if request.param == "big":
        monkeypatch.setattr(exact, "BIG", 0)
        monkeypatch.setattr(measures, "SMALL", 2)
    by_xla = request.param == "xla"

    def call(measure, *lists):
        @tf.function(jit_compile=by_xla)
        def step(*lists):
            return measure(*lists, by_xla=by_xla)

        return tf.nest.map_structure(np.array, step(*lists))

    return call


@pytest.mark.slow
@pytest.mark.parametrize("name", LISTS)
def test_counts_squares_and_ends_are_those_of_numpy(measured, name):
    arrays = [np.array(values, np.float32) for values in LISTS[name]]
    counts, squares, ends = measured(measures.measure, arrays)
    np.testing.assert_array_equal(counts, histograms.count(arrays))
    # Squares add up in double precision.
    expected = [np.sum(array.astype(float) ** 2) for array in arrays]
    np.testing.assert_allclose(squares, expected, rtol=1e-12)
    # A histogram ends where its values do.
    drawn = histograms.rows(counts, ends * [-1, 1])
    expected = histograms.rows(counts, histograms.find_ends(arrays))
    for rows, as_numpy in zip(drawn, expected, strict=True):
        np.testing.assert_array_equal(rows, as_numpy)


@pytest.mark.slow
def test_ends_are_exact_in_double_precision_too(measured):
    arrays = [np.array([-1 - 1e-12, 2 + 1e-12]), np.array([-3 - 1e-12, -1.0])]
    *_, ends = measured(measures.measure, arrays)
    assert (ends * [-1, 1]).tolist() == [[x.min(), x.max()] for x in arrays]


def test_a_change_is_measured_where_float32_would_lose_it(measured):
    before = [np.float32([1.0, 1e-30]), RNG.normal(size=2**18 + 3).astype("f4")]
    after = [before[0] + np.float32([0.0, 1e-30]), before[1] * np.float32(1 + 1e-6)]
    before.append(np.full(3, 3e38, "f4"))
    after.append(-before[2])  # Farther than a float32 tells.
    changes = measured(measures.measure_change, after, before)
    pairs = zip(after, before, strict=True)
    expected = [np.sum((a.astype(float) - b.astype(float)) ** 2) for a, b in pairs]
    np.testing.assert_allclose(changes, expected, rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16, tf.float64])
def test_other_floats_are_measured_too(measured, dtype):
    values = tf.constant([0.0, 1.0, -2.0, np.nan], dtype)
    counts, squares, ends = measured(measures.measure, [values, values[:3]])
    assert counts.sum(axis=1).tolist() == [4, 3]
    assert histograms.count_not_finite(counts).tolist() == [1, 0]
    assert squares[1] == 5
    assert ends[1].tolist() == [2, 1]


@pytest.mark.parametrize("size", [0, 1, 100, parts.PART + 1])
def test_sizes_may_be_unknown_when_a_step_is_traced(size):
    known = np.float32([1.0, -2.0])

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def step(unknown):
        return measures.measure([unknown, tf.constant(known)], by_xla=False)

    arrays = [RNG.normal(size=size).astype("f4"), known]
    counts, squares, _ = step(arrays[0])
    np.testing.assert_array_equal(counts, histograms.count(arrays))
    expected = [np.sum(array.astype(float) ** 2) for array in arrays]
    np.testing.assert_allclose(squares, expected, rtol=1e-12)


def test_double_precision_is_kept(measured):
    before = [np.array([1.0, 1e100]), np.array([[2.0]], "f4")]
    after = [before[0] * [1 + 1e-12, 1], before[1] + 1]
    changes = measured(measures.measure_change, after, before)
    np.testing.assert_allclose(changes, [1e-24, 1], rtol=1e-3)
    _, squares, _ = measured(measures.measure, [np.array([1e-60, 0.0]), before[1]])
    np.testing.assert_allclose(squares, [1e-120, 4], rtol=1e-12)


@pytest.mark.slow
def test_models_of_about_the_same_size_share_what_is_compiled():
    # What XLA has compiled stays in memory for good.
    programs = (measures._program_count, measures._program_change)

    def measure(size):
        tensors = [tf.ones([size]), tf.ones([size // 7, 7]), tf.ones([3])]

        @tf.function
        def step():
            counted = measures.measure(tensors, by_xla=False)
            return counted, measures.measure_change(tensors, tensors, by_xla=False)

        step()

    measure(2000)
    before = [program.experimental_get_tracing_count() for program in programs]
    for size in range(2000, 2300, 60):
        measure(size)
    after = [program.experimental_get_tracing_count() for program in programs]
    assert all(b - a <= 1 for a, b in zip(before, after, strict=True))


AHEAD = """
import tensorflow as tf
from xorlab.steps import measures

weights = [tf.ones([50, 61]), tf.ones([61])]
measures.compile_ahead([tf.TensorSpec(x.shape, x.dtype) for x in weights]).join()

@tf.function
def step(*weights):
    counted = measures.measure([*weights, *weights], by_xla=False)
    return counted, measures.measure_change(weights, weights, by_xla=False)

step(*weights)
"""


@pytest.mark.slow
def test_what_is_compiled_ahead_is_what_a_step_takes(tmp_path):
    # Else the first step waits for XLA, which was at work for nothing before.
    # XLA writes down each program that it compiles.
    flags = f"--xla_dump_to={tmp_path} --xla_dump_hlo_as_text"
    paths = os.pathsep.join(sys.path)
    ended = processes.run("-c", AHEAD, env={"PYTHONPATH": paths, "XLA_FLAGS": flags})
    assert ended.returncode == 0, ended.stderr
    written = " ".join(x.name for x in tmp_path.glob("*.before_optimizations.txt"))
    assert sorted(re.findall(r"a_inference__([a-z]+)_", written)) == ["change", "count"]


def test_what_was_compiled_ahead_is_not_compiled_again(monkeypatch):
    def ahead(*shapes):
        begun = []
        with monkeypatch.context() as patch:
            for name in ("_program_count", "_program_change"):
                program = getattr(measures, name)
                patch.setattr(
                    measures, name, lambda *x, p=program: begun.append(p) or p(*x)
                )
            measures.compile_ahead([tf.TensorSpec(x) for x in shapes]).join()
        return len(begun)

    monkeypatch.setattr(measures, "_AHEAD", set())  # Of this test alone.
    assert ahead([30, 40], [40]) == 2
    assert ahead([40, 30], [30]) == 0
    # Of other sizes, or more of them.
    assert ahead([90, 40], [40]) == 2
    assert ahead(*[[10, 10]] * 9) == 2


def test_many_small_tensors_are_not_copied_all_together(monkeypatch):
    monkeypatch.setattr(exact, "BIG", 0)
    monkeypatch.setattr(parts, "PART", 1000)

    def copied(number):
        tensors = [tf.TensorSpec([100], tf.float32)] * number
        step = tf.function(lambda *x: measures.measure(x, by_xla=False))
        made = step.get_concrete_function(*tensors).graph.get_operations()
        joined = [x.outputs[0] for x in made if x.type == "ConcatV2"]
        return [x.shape for x in joined if x.dtype == tf.float32]

    assert copied(9) and not copied(11)
