"""TensorBoard shows any model's gradients at one glance: pictures, and a page."""

import math

import keras
import numpy as np
import pytest
from oracles.callback_oracle import fit, train, watching
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2

from xorlab.eventlog.reading import read
from xorlab.pictures.album import GradientAlbum
from xorlab.watching import drawing

X, Y = np.ones([8, 3], "f4"), np.ones([8, 1], "f4")


def model():
    layers = [keras.layers.Dense(3, "tanh", name=f"dense.{n}") for n in (10, 2)]
    network = keras.Sequential([keras.Input([3]), *layers, keras.layers.Dense(1)])
    network.compile("sgd", "mse")
    return network


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A training of five epochs of two steps, each step logged."""
    log_dir = tmp_path_factory.mktemp("log")
    train(model, X, Y, [watching(log_dir, histogram_steps=1)], epochs=5)
    return log_dir / "train"


@pytest.mark.slow
def test_gradients_are_drawn_seldom_and_at_the_end(undrawn, monkeypatch, tmp_path):
    monkeypatch.setattr(GradientAlbum, "drawn", undrawn)
    monkeypatch.setattr(drawing, "ALLOWANCE", drawing.Allowance(math.inf))
    train(model, X, Y, [watching(tmp_path, histogram_steps=1)], epochs=5)
    images = read(tmp_path / "train").images
    assert sorted(images) == [
        "pictures/1_gradients_by_layer",
        "pictures/2_gradients_over_time",
    ]
    for by_step in images.values():
        # After epochs 1, 2 and 4, and the last; an epoch has two steps.
        assert list(by_step) == [1, 3, 7, 9]
        assert all(png.startswith(b"\x89PNG") for png in by_step.values())


@pytest.mark.slow
def test_many_short_trainings_are_drawn_once(monkeypatch, tmp_path):
    drawn = []
    monkeypatch.setattr(GradientAlbum, "drawn", lambda album: drawn.append(album) or {})
    monkeypatch.setattr(drawing, "ALLOWANCE", drawing.Allowance(0.0))
    network, callback = model(), watching(tmp_path, histogram_steps=1)
    for _ in range(3):
        fit(network, X, Y, [callback])
    assert len(drawn) == 1


@pytest.mark.slow
def test_the_first_training_is_drawn_at_its_end_whatever_its_epochs_took(
    undrawn, monkeypatch, tmp_path
):
    monkeypatch.setattr(GradientAlbum, "drawn", undrawn)
    allowance = drawing.Allowance(0.0)
    monkeypatch.setattr(drawing, "ALLOWANCE", allowance)
    with allowance.taken():  # After an epoch, say.
        pass
    train(model, X, Y, [watching(tmp_path, histogram_steps=1)], epochs=3)
    images = read(tmp_path / "train").images
    assert [list(by_step) for by_step in images.values()] == [[5], [5]]


def test_drawing_takes_its_share_of_the_time(monkeypatch):
    now = 0.0
    monkeypatch.setattr(drawing.time, "monotonic", lambda: now)
    allowance = drawing.Allowance(0.1, guess=1.0)
    drawn = []
    for now in map(float, range(1, 101)):
        if allowance.has_room():
            with allowance.taken():
                now += 0.5
            drawn.append(now)
    assert drawn[0] == 10.5 and len(drawn) == pytest.approx(0.1 * 100 / 0.5, abs=1)
    now = 200.0
    allowance.begin()  # Another training: the time is that of all.
    assert allowance.has_room()


@pytest.mark.slow
def test_beside_every_rms_is_its_logarithm(folder):
    scalars = read(folder).scalars
    for layer in ("dense.10", "dense.2", "dense"):
        rms, log10 = (scalars[f"{x}gradient_rms/{layer}"] for x in ("", "log10_"))
        assert list(rms) == list(log10) == list(range(10))
        np.testing.assert_allclose(
            list(log10.values()), np.log10(list(rms.values())), rtol=1e-4, atol=1e-5
        )


def test_the_page_has_a_chart_a_subject_and_layers_as_in_the_model(folder):
    events = EventAccumulator(str(folder), {"tensors": 0}).Reload()
    [event] = events.Tensors("custom_scalars__config__")
    layout = layout_pb2.Layout.FromString(event.tensor_proto.string_val[0])
    charts = {x.title: list(x.multiline.tag) for x in layout.category[0].chart}
    assert charts["Loss: how wrong the model is"] == ["^(epoch|batch)_loss$"]
    [gradients] = [y for x, y in charts.items() if "dense.10 to dense," in x]
    # Of its own name, dots and all, or a line would be in another's chart.
    order = [r"dense\.10", r"dense\.2", "dense"]
    assert gradients == [f"^log10_gradient_rms/{layer}$" for layer in order]
