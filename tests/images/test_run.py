"""A table's files: what is in them, and that stopping on the way changes no byte."""

import csv
import dataclasses
import functools

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from xorlab import images
from xorlab.images import plan, program, training
from xorlab.images.data import load
from xorlab.images.grid import LOGS
from xorlab.images.store import Store
from xorlab.models.fitnet import Activate
from xorlab.work import workers
from xorlab.work.plan import Stopped

pytestmark = pytest.mark.slow

# Three seeds in chunks of two: the last is filled up.
GRID = images.Grid(
    activations=("relu",),
    initializers=("lsuv", "he_normal"),
    learning_rates=(0.05,),
    steps=40,
    seeds=3,
)


def small(activation, shape, widths, classes):
    """A chain that compiles in a second where `fitnet` takes a dozen."""
    inputs = keras.Input(shape)
    x = keras.layers.Conv2D(4, 3, padding="same", name="conv1_1")(inputs)
    x = keras.layers.MaxPooling2D(2)(Activate(activation)(x))
    x = keras.layers.Conv2D(8, 3, padding="same", name="conv2_1")(x)
    x = keras.layers.GlobalMaxPooling2D()(Activate(activation)(x))
    return keras.Model(inputs, keras.layers.Dense(classes, name="classifier")(x))


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "fitnet", small)
        patch.setitem(plan.AT_ONCE, "digits", 2)
        patch.setattr(program, "program", functools.cache(program.Networks))
        out = tmp_path_factory.mktemp("images") / "out"
        yield out, images.run(GRID, out)


def _results(out):
    kept = {"chunks", "timing.json", "runs"}
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.relative_to(out).parts[0] not in kept
    }


def _rows(path):
    with open(path) as file:
        return list(csv.DictReader(file))


def test_every_network_has_a_row_and_learns(done):
    rows = _rows(done[0] / "networks.csv")
    found = [(r["learning_rate"], r["initializer"], int(r["seed"])) for r in rows]
    assert found == [
        ("0.05", start, seed) for start in GRID.initializers for seed in range(3)
    ]
    learned = [float(row["accuracy"]) for row in rows]
    assert np.mean(learned) > 0.25
    assert {row["diverged"] for row in rows} == {"0"}
    assert len(set(learned)) > 1


def test_a_network_is_the_same_whichever_are_beside_it(done):
    """Seed 2 was trained beside a copy of itself; here it is beside seed 1."""
    chunk = plan.Chunk(0, GRID.cells[0], first_seed=1, networks=2)
    both = training.train_chunk(chunk)
    rows = _rows(done[0] / "networks.csv")
    for place in (0, 1):
        assert float(rows[1 + place]["loss"]) == pytest.approx(
            both["loss"][place], 1e-6
        )


def test_running_it_again_changes_nothing_and_trains_nothing(done, monkeypatch):
    out, _ = done
    before = _results(out)
    monkeypatch.setattr(training, "load", None)
    images.run(GRID, out)
    assert _results(out) == before


def test_stopped_and_begun_again_it_ends_with_the_same_files(
    done, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        kept = []

        def put(store, chunk, result):
            if len(kept) == 3:
                raise KeyboardInterrupt
            kept.append(chunk)
            plain(store, chunk, result)

        plain = Store.put
        patch.setattr(Store, "put", put)
        with pytest.raises(KeyboardInterrupt):
            images.run(GRID, out)
    assert len(list(out.glob("chunks/*.npz"))) == 3
    assert not (out / "summary.md").exists()
    images.run(GRID, out)
    one, other = _results(out), _results(done[0])
    # Its command names the folder.
    texts = [files.pop("summary.md").decode() for files in (one, other)]
    assert one == other and "networks.csv" in one
    assert texts[0].replace(str(out), "") == texts[1].replace(str(done[0]), "")


def test_a_table_says_where_it_comes_from_and_what_it_means(done):
    out, summaries = done
    text = (out / "summary.md").read_text()
    for words in ("--seeds=3", "keras 3.", "scikit-learn 1.", "cores", "commit: "):
        assert words in text
    assert f"| relu | {summaries[0].shown()} | {summaries[1].shown()} |" in text
    assert "at least 20%, twice what guessing gives" in text
    assert "one verdict for those side by side" in text
    assert (out / "accuracies.png").read_bytes().startswith(b"\x89PNG")


def test_of_one_seed_no_difference_is_told(done, tmp_path):
    one = dataclasses.replace(GRID, seeds=1)
    images.run(one, tmp_path)
    assert "seed by seed" not in (tmp_path / "summary.md").read_text()
    # A difference of two networks has no interval.
    assert not (tmp_path / "pairs.csv").exists()


def test_tensorboard_has_gradients_curves_and_the_verdict_of_each(done):
    out, _ = done
    runs = sorted(path.name for path in (out / "runs").iterdir())
    assert len(runs) == 4 and "relu-lsuv-0.05-seed0" in runs
    events = EventAccumulator(str(out / "runs" / runs[0]), {"tensors": 0}).Reload()
    steps = [point.step for point in events.Tensors("gradient_rms/conv1_1")]
    # The last step of each twentieth.
    assert steps == list(range(1, 40, 2))
    assert {"conv1_1/kernel/gradient", "verdict", "epoch_loss"} <= set(
        events.Tags()["tensors"]
    )


def test_a_weight_that_is_infinite_is_a_divergence_whatever_the_loss_is(done):
    networks = program.program("digits", "relu", GRID.steps // LOGS)
    digits = load("digits", "")
    networks.start("he_normal", [0, 1], digits.x[:16])
    bias = networks.model.get_layer("conv1_1").bias
    values = np.array(bias)
    values[1] = -np.inf  # Which ReLU makes zeros of.
    bias.assign(values)
    _, loss, finite = networks.test(digits)
    assert np.isfinite(loss).all() and finite.tolist() == [True, False]


def test_batches_are_of_all_images_in_an_order_of_each_seed():
    some = [next(b) for b in [training.batches(10, 4, [1, 2])] for _ in range(4)]
    first, second = np.concatenate(some[:2]), np.concatenate(some[2:])
    for column in (0, 1):
        assert len(set(first[:, column])) == 8
        assert not np.array_equal(first[:, column], second[:, column])
    assert not np.array_equal(first[:, 0], first[:, 1])
    alone = training.batches(10, 4, [2])
    np.testing.assert_array_equal(next(alone)[:, 0], some[0][:, 1])


def test_a_chunk_that_nobody_waits_for_is_given_up(done):
    with pytest.raises(Stopped):
        training.train_chunk(next(plan.chunks(GRID)), stopping=lambda: True)


def test_a_cluster_trains_what_is_missing(done, tmp_path, monkeypatch):
    asked = []

    class Cluster:
        def __enter__(self):
            return "client"

        def __exit__(self, *error):
            pass

    def on_cluster(client, chunks, train):
        assert client == "client"
        for chunk in chunks:
            yield chunk, train(chunk)

    def connect(scheduler, code, packages):
        asked.append((scheduler, "images/training.py" in code, "keras" in packages))
        return Cluster()

    monkeypatch.setattr(workers, "connect", connect)
    monkeypatch.setattr(workers, "on_cluster", on_cluster)
    images.run(GRID, tmp_path / "out", scheduler="tcp://there:1")
    assert asked == [("tcp://there:1", True, True)]
    networks = "networks.csv"
    assert (tmp_path / "out" / networks).read_bytes() == (
        done[0] / networks
    ).read_bytes()
