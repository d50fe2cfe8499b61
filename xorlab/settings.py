"""Settings: frozen records whose fields are a command's flags."""

import dataclasses
import functools
import typing
from collections.abc import Callable
from typing import Any, TypeVar

from absl import flags

Record = TypeVar("Record", bound=Any)

flags.disclaim_key_flags()  # Or `--help` takes them for this module's.

_KINDS: dict[type, str] = {int: "whole number", float: "number"}


class _Number(flags.ArgumentParser):
    """Reads a number from the command line.

    Args:
        kind: `int` or `float`.
    """

    def __init__(self, kind: type):
        self._kind = kind

    def parse(self, argument: Any) -> Any:
        try:
            return self._kind(argument)
        except ValueError:
            raise ValueError(f"expected a {_KINDS[self._kind]}") from None


_DEFINE: dict[type, Callable] = {
    bool: flags.DEFINE_bool,
    int: functools.partial(flags.DEFINE, _Number(int)),
    float: functools.partial(flags.DEFINE, _Number(float)),
    str: flags.DEFINE_string,
}


def setting(default: Any, about: str) -> Any:
    """Makes a field of a record: its default, and what `--help` says of it."""
    return dataclasses.field(default=default, metadata={"help": about})


def spelled(number: float) -> str:
    """Writes a number in as few digits as tell it from every other.

    >>> import numpy as np
    >>> spelled(1.0), spelled(10**6), spelled(np.float64(0.1 + 1e-9))
    ('1', '1000000', '0.100000001')
    """
    short = str(number) if isinstance(number, int) else f"{number:g}"
    return short if float(short) == number else repr(float(number))


def define_flags(record: type) -> None:
    """Defines a flag for every field of a record; a tuple's is a list with commas."""
    for field in dataclasses.fields(record):
        name, default, about = field.name, field.default, field.metadata["help"]
        if isinstance(default, tuple):
            flags.DEFINE_list(name, [str(value) for value in default], about)
        else:
            _DEFINE[type(default)](name, default, about)


def from_flags(record: type[Record], argv: list[str]) -> Record:
    """Makes a record of the command line.

    Args:
        record: a dataclass, whose flags are defined.
        argv: the words that are left when flags are taken out, the program's first.

    Raises:
        ValueError: there is another word, an entry of a list is not of its kind, or as
            the record does, or a flag that was given is not what the record holds.
    """
    check_no_words(argv)
    values = {}
    for field in dataclasses.fields(record):
        value: Any = flags.FLAGS[field.name].value
        if isinstance(field.default, tuple):
            kind, _ = typing.get_args(field.type)  # Of tuple[int, ...].
            value = tuple(_parse(field.name, kind, word) for word in value)
        values[field.name] = value
    made = record(**values)
    for name, value in values.items():
        if flags.FLAGS[name].present and value not in ("", getattr(made, name)):
            raise ValueError(
                f"{name}: expected {getattr(made, name)}, beside these settings; "
                f"received {value}; leave it out"
            )
    return made


def check_no_words(argv: list[str]) -> None:
    """Checks that flags were all that was given.

    Raises:
        ValueError: there is a word after the program's.
    """
    if argv[1:]:
        raise ValueError(f"expected flags; received {argv[1]!r}; write --flag=value")


def _parse(what, kind, word):
    try:
        return kind(word)
    except ValueError:
        raise ValueError(
            f"{what}: expected {_KINDS[kind]}s with commas between; received {word!r}; "
            f"write --{what}=2,3"
        ) from None
