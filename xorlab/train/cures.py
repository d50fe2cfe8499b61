"""What to change in a run that did not learn, and the command that does it."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xorlab.settings import spelled
from xorlab.train.config import ENOUGH, FIXED, Config

# In place of another: the lecture's cure, and then those that learned XOR from its
# start at depth 11 on nearly all of 256 seeds.
_ACTIVATIONS = ("relu", "tanh", "elu", "leaky_relu")
# Sigmoid learned from the first on all of those seeds.
_STARTS = ("data_dependent", "he_normal")
_POWERS = 4  # A rate is tried so many powers of ten away.


def cures(config: Config, remedies: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yields single changes of a run, the likeliest of each kind first.

    Args:
        config: of the run.
        remedies: kinds of change, of `xorlab.diagnosis.REMEDIES`; there are no flags
            for the others.

    Yields:
        The kind, and the change as a flag.

    >>> list(cures(Config("sigmoid", learning_rate=5.0), ["clip", "activation"]))[:2]
    [('activation', '--activation=relu'), ('activation', '--activation=tanh')]
    """
    for remedy in remedies:
        changes: list[tuple[str, Any]] = []
        if remedy == "activation":
            changes = [("activation", name) for name in _ACTIVATIONS]
        elif remedy == "initializer":
            starts = [("initializer", name) for name in _STARTS]
            changes = [("init_scale", 1.0), *starts]
        elif remedy in ("rate/10", "rate*10"):
            rates = (_rate(config, remedy, power) for power in range(1, _POWERS + 1))
            changes = [("learning_rate", rate) for rate in rates]
        for name, value in changes:
            if value != getattr(config, name):
                yield remedy, _flag(name, value)


def settings_of(flag: str) -> dict[str, Any]:
    """Returns the setting that a flag of `cures` makes.

    >>> settings_of("--init_scale=1")
    {'init_scale': 1.0}
    """
    name, _, value = flag.removeprefix("--").partition("=")
    return {name: type(getattr(Config, name))(value)}


def advised(config: Config, remedies: Sequence[str]) -> dict[str, Any]:
    """Returns the settings that are the next to try, where none was tried.

    Which start or activation helps was counted, 256 networks a cell: at depth 11 tanh
    learned XOR from the lecture's start on every seed, and sigmoid from one that
    depends on the data.
    """
    first = next(iter(remedies), "")
    if first.startswith("rate"):
        return {"learning_rate": _rate(config, first, 1)}
    if not first or config.network == "handmade":
        return {"steps": max(ENOUGH, 10 * config.steps)}
    if config.init_scale != 1:
        return {"init_scale": 1.0}
    if config.activation == "sigmoid" and config.initializer == "uniform":
        return {"initializer": "data_dependent"}
    if config.activation != "tanh":
        return {"activation": "tanh"}
    return {"seed": config.seed + 1}


def command(config: Config, changes: Mapping[str, Any]) -> str:
    """Spells the command of a run with other settings, which it names in any case.

    >>> command(Config("sigmoid"), {"initializer": "data_dependent"})
    'python -m xorlab.train --activation=sigmoid --initializer=data_dependent'
    >>> command(Config(learning_rate=5.0, remedies=True), {"learning_rate": 0.5})
    'python -m xorlab.train --learning_rate=0.5'
    """
    plain = dataclasses.replace(config, run_name="", overwrite=False, remedies=False)
    tried = dataclasses.replace(plain, run_name="", **changes)
    # Else by its settings, which are others.
    is_named = config.run_name != plain.run_name
    words = ["python -m xorlab.train"]
    for field in dataclasses.fields(Config):
        value = getattr(tried, field.name)
        if field.name == "run_name":
            value = f"{config.run_name}-next" if is_named else ""
        default = FIXED[config.network].get(field.name, field.default)
        if value != default or field.name in changes:
            words.append(_flag(field.name, value))
    return " ".join(words)


def _flag(name, value):
    return f"--{name}={spelled(value) if isinstance(value, float) else value}"


def _rate(config, remedy, power):
    factor = 10.0 ** (power if remedy == "rate*10" else -power)
    return float(f"{config.learning_rate * factor:.6g}")
