"""A run's Images page shows the run: its gradients, its decisions, its four rows."""

import numpy as np
import pytest

from xorlab import models, train
from xorlab.eventlog.reading import read
from xorlab.models.activations import ACTIVATIONS
from xorlab.pictures import album as gradients
from xorlab.pictures import square
from xorlab.steps.tap import Reading
from xorlab.train import Config, album, recorder

TAGS = [
    "pictures/1_gradients_by_layer",
    "pictures/2_gradients_over_time",
    "pictures/3_decision_surface",
    "pictures/4_four_rows_by_layer",
]


@pytest.fixture
def undrawn():
    """Here they are drawn."""


class Log:
    """Stands in for a run's log, and keeps when an image was logged."""

    def __init__(self):
        self.steps = []

    def summary(self, summary, step):
        self.steps.append(step)


def reading(activation="relu", depth=3):
    model = models.deep(activation, depth=depth, seed=4)
    weights = {v.path: v.numpy() for v in model.trainable_variables}
    outputs = {layer.name: np.zeros([4, 5]) for layer in model.layers[1:]}
    return model, Reading(weights, weights, outputs)


def test_the_last_step_of_a_run_is_drawn(finished_runs):
    config, _ = finished_runs["sigmoid"]
    images = read(config.run_dir).images
    assert sorted(images) == TAGS
    for by_step in images.values():
        assert list(by_step) == [25]
        assert by_step[25].startswith(b"\x89PNG")


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_surface_is_what_the_network_answers(activation, monkeypatch):
    shown = {}
    monkeypatch.setattr(album, "surfaces", lambda y: shown.update(y) or None)
    monkeypatch.setattr(album, "rows_by_layer", lambda activations: None)
    monkeypatch.setattr(album, "encoded", lambda figure: None)
    monkeypatch.setattr(album, "image", lambda tag, png: None)
    monkeypatch.setattr(gradients.GradientAlbum, "drawn", lambda self: {})
    model, its = reading(activation)
    pages = album.Album(Config(activation=activation))
    pages.add(0, its, {"layer1": 1.0, "last": 1.0})
    pages.write(Log())
    expected = model(square()).numpy()
    np.testing.assert_allclose(shown[0], expected, rtol=1e-5)


def test_pictures_are_drawn_at_a_few_steps_of_many():
    _, its = reading()
    pages = album.Album(Config())
    due = [pages.add(step, its, {"last": 1.0}) for step in range(2000)]
    assert 1 <= sum(due) <= 3 and not any(due[:5])


def test_gradients_of_a_long_training_are_thinned_but_for_the_first_and_the_last():
    pages = gradients.GradientAlbum()
    for step in range(0, 100_000, 10):
        pages.add(step, {"last": 1.0})
    steps = list(pages.steps)
    assert len(steps) <= 130 and steps[0] == 0 and steps[-1] == 99_990
    assert len(set(np.diff(steps[:-1]))) == 1  # Evenly.


def test_layer_by_layer_the_first_step_stands_beside_the_last(monkeypatch):
    shown = {}
    monkeypatch.setattr(gradients, "gradients_by_layer", shown.update)
    monkeypatch.setattr(gradients, "gradients_over_time", lambda steps: None)
    monkeypatch.setattr(gradients, "encoded", lambda figure: b"")
    pages = gradients.GradientAlbum("deep")
    for step in (0, 10, 20):
        pages.add(step, {"last": 1.0 + step})
    pages.drawn()
    assert shown == {"deep": {0: {"last": 1.0}, 20: {"last": 21.0}}}


def test_a_network_of_numbers_that_are_not_finite_is_drawn_all_the_same():
    _, its = reading()
    for array in its.weights.values():
        array.fill(np.float32(3e38))
    for output in its.activations.values():
        output[0], output[1] = np.inf, np.nan
    pages, log = album.Album(Config()), Log()
    pages.add(3, its, {"layer1": np.nan, "last": np.inf})
    for _ in range(2):  # At the end of training, too: once is enough.
        pages.write(log)
    assert log.steps == [3] * 4


@pytest.mark.slow
def test_without_histograms_there_are_no_pictures(tmp_path):
    config = Config(steps=1, depth=2, histograms=False, logdir=str(tmp_path))
    train.run(config)
    assert not read(config.run_dir).images


def test_the_gradient_is_logged_over_the_layers(finished_runs):
    config, result = finished_runs["relu"]
    scalars = read(config.run_dir).scalars
    for when, step in (("start", "first"), ("end", "last")):
        rms = list(result["gradient_rms"][when].values())
        logged = scalars[f"log10_gradient_rms_by_layer/{step}_step"]
        assert list(logged) == list(range(1, 12))
        expected = [recorder.log10(value) for value in rms]
        np.testing.assert_allclose(list(logged.values()), expected, rtol=1e-5)
