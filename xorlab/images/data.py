"""The images: read from what is installed or lies in a folder; no TensorFlow.

Only `cifar10` without a folder asks `keras.datasets`, which may download it.
"""

import functools
import pickle
from typing import NamedTuple

import numpy as np

from xorlab.checks import folder

# The digits are split once for all: so many of 1,797 are tested on.
_DIGITS_TESTED = 360
_CIFAR10 = "cifar-10-batches-py"  # The folder in its authors' archive.


class Missing(OSError):
    """The images are not on this machine."""


class Images(NamedTuple):
    """Images of pixels with mean 0 and variance 1 over those trained on.

    Attributes:
        x, y: trained on, `[N, H, W, C]` float32 and `[N]` int32.
        tested_x, tested_y: not.
    """

    x: np.ndarray
    y: np.ndarray
    tested_x: np.ndarray
    tested_y: np.ndarray


@functools.cache
def load(dataset: str, data_dir: str = "") -> Images:
    """Reads a data set.

    Args:
        dataset: `digits` or `cifar10`.
        data_dir: for `cifar10`, the folder with, or that is, `cifar-10-batches-py`; by
            default what `keras.datasets` has, or downloads.

    Raises:
        ValueError: scikit-learn, which holds the digits, is not installed, or
            `data_dir` is no path.
        Missing: there are no such images.
    """
    read = {"digits": _digits, "cifar10": lambda: _cifar10(data_dir)}[dataset]
    x, y, tested_x, tested_y = read()
    mean, deviation = x.mean(dtype=np.float64), x.std(dtype=np.float64)

    def scaled(pixels):
        return ((pixels - mean) / deviation).astype(np.float32)

    return Images(
        scaled(x), y.astype(np.int32), scaled(tested_x), tested_y.astype(np.int32)
    )


def _digits():
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ValueError(
            "dataset: expected scikit-learn, which holds the digits; it is not "
            "installed; pip install 'xorlab[images]'"
        ) from error
    digits = load_digits()
    # They lie in the order of their writers.
    order = np.random.Generator(np.random.Philox(0)).permutation(len(digits.target))
    x, y = digits.images[order, :, :, None], digits.target[order]
    return (
        x[_DIGITS_TESTED:],
        y[_DIGITS_TESTED:],
        x[:_DIGITS_TESTED],
        y[:_DIGITS_TESTED],
    )


def _cifar10(data_dir):
    if not data_dir:
        return _downloaded()
    there = folder("data_dir", data_dir)
    if (there / _CIFAR10).is_dir():
        there = there / _CIFAR10
    try:
        batches = [_batch(there / f"data_batch_{n}") for n in range(1, 6)]
        tested = _batch(there / "test_batch")
    except (OSError, KeyError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise Missing(
            f"data_dir: expected the files of {_CIFAR10} in {there}; received "
            f"{type(error).__name__}: {error}; unpack CIFAR-10's Python version there"
        ) from error
    x, y = (np.concatenate(arrays) for arrays in zip(*batches, strict=True))
    return x, y, *tested


def _batch(path):
    with open(path, "rb") as file:
        batch = pickle.load(file, encoding="bytes")
    # Channels lie first there.
    x = np.asarray(batch[b"data"]).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return x, np.asarray(batch[b"labels"])


def _downloaded():
    import keras

    try:
        (x, y), (tested_x, tested_y) = keras.datasets.cifar10.load_data()
    except Exception as error:
        raise Missing(
            "dataset: expected CIFAR-10 in the cache of keras.datasets, or the network "
            f"to download it; received {type(error).__name__}: {error}; give "
            f"--data_dir=FOLDER that holds {_CIFAR10}, or --dataset=digits"
        ) from error
    return x, y[:, 0], tested_x, tested_y[:, 0]
