"""What a chunk says of its networks, by the numbers that its program gives it."""

import types

import numpy as np

from xorlab.sweep import engine
from xorlab.sweep.grid import Cell
from xorlab.sweep.plan import Chunk
from xorlab.sweep.training import train_chunk

STEPS = 2500


class Program:
    """Stands in for a program of 6 networks; keeps how it was asked to train."""

    networks = 6

    def __init__(self, cost, accuracy, diverged, solved_at):
        self.measured = np.float32(cost), np.float32(accuracy)
        self.state = types.SimpleNamespace(
            diverged=types.SimpleNamespace(numpy=lambda: np.array(diverged)),
            solved_at=types.SimpleNamespace(numpy=lambda: np.int32(solved_at)),
        )
        self.trained = []

    def start(self, networks):
        self.started = networks
        return self.state

    def compile(self, state):
        return 1.5

    def train(self, state, learning_rate, steps):
        self.trained.append((learning_rate, steps))
        return state

    def measure(self, state):
        steps = sum(steps for _, steps in self.trained)
        return *self.measured, np.full((6, 2), steps)


def trained(monkeypatch, program):
    cell = Cell("relu", 2, 5, "uniform", 1.0, 0.3, "sgd", STEPS)
    monkeypatch.setattr(engine, "program", lambda cell: program)
    monkeypatch.setattr(engine, "first_weights", lambda cell, seed: seed)
    return train_chunk(Chunk(0, cell, first_seed=40, networks=5))


def program():
    return Program(
        # Solved; solved by the last step; infinite now; infinite once; wrong.
        cost=[0.1, 0.2, np.inf, 0.1, 0.9, 0.1],
        accuracy=[1, 1, 1, 1, 0.75, 1],
        diverged=[False, False, False, True, False, False],
        solved_at=[17, engine.NEVER, 3, 5, engine.NEVER, 0],
    )


def test_what_was_not_finite_at_any_step_is_not_solved(monkeypatch):
    result = trained(monkeypatch, program())
    assert result["diverged"].tolist() == [False, False, True, True, False]
    assert result["solved"].tolist() == [True, True, False, False, False]
    # A network that the last update solved was wrong at every step before.
    assert result["solved_at"].tolist() == [17, STEPS, -1, -1, -1]


def test_it_makes_all_steps_at_the_cell_s_rate_from_the_chunk_s_seeds(monkeypatch):
    fake = program()
    trained(monkeypatch, fake)
    assert sum(steps for _, steps in fake.trained) == STEPS
    assert {rate for rate, _ in fake.trained} == {0.3}
    # Filled up to the program's 6 by a copy, of which nothing is told.
    assert fake.started == [40, 41, 42, 43, 44, 44]


def test_gradients_are_told_of_the_start_and_of_the_end(monkeypatch):
    result = trained(monkeypatch, program())
    assert result["gradient_rms_start"].tolist() == [[0, 0]] * 5
    assert result["gradient_rms_end"].tolist() == [[STEPS, STEPS]] * 5


def test_its_times_are_told_apart(monkeypatch):
    result = trained(monkeypatch, program())
    assert result["compile_seconds"] == 1.5
    assert 0 < result["train_seconds"] < 1.5
