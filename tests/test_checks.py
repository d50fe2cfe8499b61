"""What users give is checked by its kind, too, and an error names the mend."""

import math

import numpy as np
import pytest

from xorlab import checks


def test_the_nearest_name_is_the_mend():
    names = ["relu", "leaky_relu", "sigmoid"]
    assert checks.one_of("activation", "relu", names) == "relu"
    for typed, nearest in [("RELU", "relu"), ("leaky", "leaky_relu"), ("sg", None)]:
        with pytest.raises(ValueError) as error:
            checks.one_of("activation", typed, iter(names))
        assert f"expected one of relu, leaky_relu, sigmoid; received {typed!r}" in str(
            error.value
        )
        mend = f"did you mean {nearest!r}?" if nearest else "choose one of these"
        assert str(error.value).endswith(mend)


def test_nothing_typed_is_near_to_nothing():
    with pytest.raises(ValueError, match="received ''; choose one of these"):
        checks.one_of("activation", "", ["relu"])


@pytest.mark.parametrize("value", [True, 2.0, "2", None, math.nan])
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(ValueError, match="whole number of at least 1; received"):
        checks.whole("depth", value, 1, "2 will do")


@pytest.mark.parametrize("value", [1, np.int64(3), 2**63 - 1])
def test_whole_numbers_of_any_kind_are_taken(value):
    assert checks.whole("depth", value, 1, "2 will do") == value


@pytest.mark.parametrize("value", ["0.1", None, 1j, math.nan, math.inf, 0, -0.1])
def test_what_is_no_positive_number_is_refused(value):
    with pytest.raises(ValueError, match="positive finite number; received .*; 1 will"):
        checks.positive("rate", value, "1 will do")


@pytest.mark.parametrize("value", [1, 1.2e-38, np.float32(0.1), 3.4e38])
def test_positive_numbers_of_any_kind_are_taken(value):
    assert checks.positive("rate", value, "1 will do") == value


def test_what_64_bits_do_not_hold_is_refused():
    with pytest.raises(ValueError, match=f"depth: expected less than {2**63};"):
        checks.whole("depth", 2**63, 1, "2 will do")


@pytest.mark.parametrize("name", ["", "a b", "gradienté", "시그모이드", "a\u200cb"])
def test_names_of_every_script_are_text(name):
    assert checks.text("run_name", name) == name


def test_the_first_and_the_last_seed_are_taken():
    for seed in (0, 2**63 - 1):
        checks.check_seed(seed)
    for seed in (-1, 2**63):
        with pytest.raises(ValueError, match=f"^seed: expected .*received {seed};"):
            checks.check_seed(seed)
