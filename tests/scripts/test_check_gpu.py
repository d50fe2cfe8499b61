"""The check of a GPU, tried on a CPU."""

import pathlib
import sys

import pytest

sys.path.append(str(pathlib.Path(__file__).parents[2] / "scripts"))

import check_gpu


@pytest.mark.slow
def test_a_row_says_whether_training_is_the_same_and_what_is_logged_true():
    [*_, small] = check_gpu.cases(wide=4).values()
    bits, error, *milliseconds, bare_peak, peak = check_gpu.check(small, False, "CPU:0")
    assert bits == "yes (yes)"
    assert float(error) < 1e-6
    assert all(float(each) > 0 for each in milliseconds) and len(milliseconds) == 3
    # A CPU does not tell.
    assert bare_peak == peak == "nan"
