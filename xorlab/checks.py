"""Checks of what users give: errors say what was expected, what came, and the mend."""

import difflib
import math
import numbers
import os
import pathlib
import unicodedata
import warnings
from collections.abc import Iterable

# What others call what is named otherwise here.
_ALSO_CALLED = {
    "xavier": "glorot_uniform",
    "xavier_uniform": "glorot_uniform",
    "kaiming": "he_normal",
    "kaiming_normal": "he_normal",
    "linear": "identity",
    "logistic": "sigmoid",
}


def one_of(what: str, value: str, names: Iterable[str]) -> str:
    """Returns `value` if it is one of `names`.

    Raises:
        ValueError: it is not; the message lists the names and the nearest one.
    """
    names = list(names)
    if value in names:
        return value
    typed = str(value).lower()
    nearest = [name for name in names if name == _ALSO_CALLED.get(typed)]
    nearest += [name for name in names if typed and name.startswith(typed)]
    nearest += difflib.get_close_matches(typed, names, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]!r}?" if nearest else "choose one of these"
    expected = ", ".join(names)
    raise ValueError(f"{what}: expected one of {expected}; received {value!r}; {hint}")


def whole(what: str, value: int, least: int, mend: str) -> int:
    """Returns `value` if it is a whole number of at least `least`, in 64 bits.

    Raises:
        ValueError: it is not.
    """
    is_whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if is_whole and value >= least:
        return below(what, value, 2**63)
    raise ValueError(
        f"{what}: expected a whole number of at least {least}; "
        f"received {value!r}; {mend}"
    )


def below(what: str, value: int, limit: int) -> int:
    """Returns `value` if it is less than a limit.

    Raises:
        ValueError: it is not.
    """
    if value < limit:
        return value
    raise ValueError(
        f"{what}: expected less than {limit}; received {value}; choose less"
    )


def names(what: str, value: str | Iterable[str]) -> tuple[str, ...]:
    """Returns a name, or several, as a tuple.

    Raises:
        ValueError: it is no text, or none.
    """
    several = (value,) if isinstance(value, str) else value
    if isinstance(several, Iterable):
        several = tuple(several)
        if several and all(isinstance(x, str) and x for x in several):
            return several
    raise ValueError(
        f"{what}: expected a name or a list of names; received {value!r}; write text, "
        "such as ['dense*']"
    )


def different(what: str, values: Iterable) -> tuple:
    """Returns a list of settings as a tuple, each of which stands once in it.

    Raises:
        ValueError: it is a text, is empty, or names one twice.
    """
    several = () if isinstance(values, str) else tuple(values)
    if several and len(set(several)) == len(several):
        return several
    raise ValueError(
        f"{what}: expected a list of one or more different values; "
        f"received {values!r}; name each value once"
    )


def true_or_false(what: str, value: bool) -> bool:
    """Returns `value` if it is True or False.

    Raises:
        ValueError: it is not; a word such as "no" would count as True.
    """
    if isinstance(value, bool):
        return value
    raise ValueError(
        f"{what}: expected True or False; received {value!r}; write one of them"
    )


def check_seed(seed: int) -> None:
    """Checks that a seed makes a network that no other seed makes.

    Raises:
        ValueError: it is not a whole number from 0 to 2**63 - 1 (absl's flags and
            TensorBoard's settings hold no more).
    """
    whole("seed", seed, 0, "any whole number from 0 up makes a network")


def text(what: str, value: str) -> str:
    """Returns `value` if it can be shown in a line, and written as UTF-8.

    Raises:
        ValueError: a character controls the terminal, ends a line, or is none.
    """
    for character in value:
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
            raise ValueError(
                f"{what}: expected text of one line; received {value!r}; "
                f"leave out {character!r}"
            )
    return value


def folder(what: str, value: str | os.PathLike) -> pathlib.Path:
    """Returns the path of a folder, `~` being the user's own.

    Raises:
        ValueError: it is no text, or of a user that this machine does not know.
    """
    try:
        return pathlib.Path(text(what, os.fspath(value))).expanduser()
    except RuntimeError as error:
        raise ValueError(
            f"{what}: expected the folder of a user of this machine; received {value}; "
            "write ~/ for your own, or ./~ for a folder of that name"
        ) from error


def tensorflow_backend() -> None:
    """Checks that Keras runs on TensorFlow.

    Raises:
        RuntimeError: it runs on another backend.
    """
    import keras

    backend = keras.config.backend()
    if backend != "tensorflow":
        raise RuntimeError(
            f"Keras backend: expected tensorflow; received {backend}; set the "
            "environment variable KERAS_BACKEND=tensorflow before importing Keras"
        )


# The least and the largest number of float32 with all its digits (IEEE 754).
_LEAST, _LARGEST = 2.0**-126, 2.0**128 * (1 - 2.0**-24)


def positive(what: str, value: float, mend: str) -> float:
    """Returns `value` if it is a positive finite number, also in single precision.

    Raises:
        ValueError: it is not.
    """
    if not (isinstance(value, numbers.Real) and 0 < value < math.inf):
        raise ValueError(
            f"{what}: expected a positive finite number; received {value!r}; {mend}"
        )
    if not _LEAST <= value <= _LARGEST:
        raise ValueError(
            f"{what}: expected a number from {_LEAST:.2g} to {_LARGEST:.2g}, which "
            f"single precision can hold; received {value!r}; {mend}"
        )
    return value


def warn(words: str) -> None:
    """Warns in one line: of no source, where Python would add a line of ours."""
    warnings.warn_explicit(words, UserWarning, "xorlab", 0)
