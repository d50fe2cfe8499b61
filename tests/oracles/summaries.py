"""Summaries of cells, made by hand: every number of them is another one."""

from xorlab.sweep.grid import Cell
from xorlab.sweep.results import Summary


def summary(activation, depth, solved, n=100, **settings):
    """Makes a summary of a cell; `gradient_rms_start` is 0 in its first layer."""
    start = {"width": 5, "initializer": "uniform", "init_scale": 1.0}
    rest = {"learning_rate": 0.1, "optimizer": "sgd", "steps": 2000}
    return Summary(
        cell=Cell(activation, depth, **(start | rest | settings)),
        n=n,
        solved=solved,
        diverged=3,
        low=0.125,
        high=0.875,
        solved_at=321.0,
        gradient_ratio=0.0625,
        gradient_rms_start=(0.0, *(10.0**-k for k in range(1, depth))),
        gradient_rms_end=tuple(2.0**-k for k in range(depth)),
    )
