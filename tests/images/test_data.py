"""Images: split once for all, of mean 0 and variance 1; what is missing is one line."""

import pickle
import sys

import keras
import numpy as np
import pytest

from xorlab import images
from xorlab.images import program
from xorlab.images.data import Missing, load
from xorlab.models.fitnet import Activate


@pytest.fixture(autouse=True)
def forget():
    load.cache_clear()
    yield
    load.cache_clear()


def test_no_digit_is_both_trained_and_tested_on():
    digits = load("digits")
    assert digits.x.shape == (1437, 8, 8, 1) and digits.tested_x.shape == (360, 8, 8, 1)
    assert digits.x.mean() == pytest.approx(0, abs=1e-5)
    assert digits.x.var() == pytest.approx(1, rel=1e-4)
    kept = {x.tobytes() for x in digits.x}
    assert not any(x.tobytes() in kept for x in digits.tested_x)
    # All classes are there in about their shares.
    assert np.bincount(digits.tested_y, minlength=10).min() > 20


def test_the_split_is_the_same_again():
    first = load("digits")
    load.cache_clear()
    np.testing.assert_array_equal(first.tested_x, load("digits").tested_x)


@pytest.fixture
def pixels(tmp_path):
    """The pixels of a small CIFAR-10 that lies in `tmp_path`, `[6, 4, 3, 32, 32]`."""
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    shape = (6, 4, 3, 32, 32)
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    names = [f"data_batch_{n}" for n in range(1, 6)] + ["test_batch"]
    for name, batch in zip(names, pixels, strict=True):
        content = {b"data": batch.reshape(4, -1), b"labels": [0, 1, 2, 3]}
        (folder / name).write_bytes(pickle.dumps(content))
    return pixels


def test_cifar10_is_read_as_its_authors_wrote_it(pixels, tmp_path):
    cifar = load("cifar10", str(tmp_path))
    assert cifar.x.shape == (20, 32, 32, 3) and cifar.tested_y.tolist() == [0, 1, 2, 3]
    mean, deviation = pixels[:5].mean(), pixels[:5].std()
    expected = (
        pixels[5, 2, 1, 7, 9] - mean
    ) / deviation  # Image, channel, row, column.
    assert cifar.tested_x[2, 7, 9, 1] == pytest.approx(expected, rel=1e-5)


GRID = images.Grid(dataset="cifar10", seeds=2)


def test_a_batch_of_more_images_than_there_are_is_told(pixels, tmp_path):
    """Or it would wait for ever for one that is full."""
    with pytest.raises(ValueError, match="batch_size: expected at most 20,.*ed 32"):
        images.run(GRID, tmp_path / "out", data_dir=str(tmp_path))
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_local_copy_is_trained_on_at_the_original_s_widths(
    pixels, tmp_path, monkeypatch
):
    asked = []

    def tiny(activation, shape, widths, classes):
        asked.append((shape, widths, classes))
        inputs = keras.Input(shape)
        x = keras.layers.Conv2D(2, 3, padding="same", name="conv")(inputs)
        x = keras.layers.GlobalMaxPooling2D()(Activate(activation)(x))
        return keras.Model(inputs, keras.layers.Dense(classes, name="last")(x))

    monkeypatch.setattr(program, "fitnet", tiny)
    monkeypatch.setattr(program, "program", program.Networks)
    grid = images.Grid(
        dataset="cifar10",
        activations=("relu",),
        initializers=("lsuv",),
        learning_rates=(0.01,),
        batch_size=4,
        steps=20,
        seeds=1,
    )
    [summary] = images.run(grid, tmp_path / "out", data_dir=str(tmp_path))
    assert asked == [((32, 32, 3), (32, 48, 80, 128), 10)]
    assert 4 * summary.accuracy[0] in range(5)  # Four images are tested.
    assert "--dataset=cifar10" in (tmp_path / "out" / "summary.md").read_text()


def test_a_folder_without_cifar10_is_told_and_nothing_is_written(tmp_path):
    (tmp_path / "data").mkdir()
    with pytest.raises(
        Missing, match=r"data_dir: expected the files of cifar-10-.*FileN"
    ):
        images.run(GRID, tmp_path / "out", data_dir=str(tmp_path / "data"))
    assert not (tmp_path / "out").exists()


def test_cifar10_that_cannot_be_downloaded_is_one_line(tmp_path, monkeypatch):
    def fail():
        raise Exception("URL fetch failure on https://there: None -- no route")

    monkeypatch.setattr(keras.datasets.cifar10, "load_data", fail)
    with pytest.raises(
        Missing, match="URL fetch failure.*--data_dir=FOLDER.*--dataset"
    ):
        images.run(GRID, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_scikit_learn_the_digits_say_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ValueError, match=r"pip install 'xorlab\[images\]'"):
        images.run(images.Grid(), tmp_path / "out")
    assert not (tmp_path / "out").exists()
