"""What a sweep is said to take is what it takes, and what is too much is refused."""

import shutil
import sys
import types

import pytest
from oracles import processes

from xorlab import capacity, sweep
from xorlab.files import UnusableDirectory
from xorlab.sweep import plan, size
from xorlab.sweep.grid import Grid

# To be run in a process of its own: prints the bytes that a chunk added to the peak.
_PEAK = """
from xorlab import startup
from xorlab.sweep.grid import Grid
from xorlab.sweep.plan import chunks
from xorlab.sweep.training import train_chunk
startup.import_tensorflow()
def peak():
    # Not `getrusage`, which begins at the peak of the process that started this one.
    with open("/proc/self/status") as file:
        [line] = [line for line in file if line.startswith("VmHWM:")]
    return 1024 * int(line.split()[1])
def train(width):
    grid = Grid(("relu",), depths=(3,), widths=(width,), seeds=1, steps=3)
    train_chunk(next(chunks(grid)))
train(300)
before = peak()
train(2500)
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells the peak in /proc")
def test_memory_is_about_what_a_thread_takes():
    done = processes.run("-c", _PEAK)
    taken = size.memory(Grid(("relu",), depths=(3,), widths=(2500,)), threads=1)
    assert 0.7 < int(done.stdout) / taken < 1.4, done.stderr


def test_memory_is_that_of_the_largest_cell_in_every_thread():
    narrow, wide = (Grid(depths=(2,), widths=(w,)) for w in (100, 3000))
    both = Grid(depths=(2,), widths=(100, 3000))
    assert size.memory(narrow, 4) < size.memory(wide, 4) == size.memory(both, 4)
    one, two, three = (size.memory(wide, threads) for threads in (1, 2, 3))
    assert three - two == two - one > 32 * 3000
    assert size.memory(Grid(("maxout",)), 1) > size.memory(Grid(("relu",)), 1)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [300, 5])
def test_disk_is_about_what_a_sweep_writes(seeds, tmp_path, monkeypatch):
    # One network a chunk, or more than a hundred: a file has a size of its own.
    monkeypatch.setattr(plan, "_MOST_NETWORKS", 128 if seeds > 100 else 1)
    # Two cells, of one program.
    cells = {"depths": (3,), "learning_rates": (0.1, 0.01)}
    grid = Grid(activations=("leaky_relu",), **cells, seeds=seeds, steps=1)
    sweep.run(grid, tmp_path)
    written = [*tmp_path.glob("chunks/*"), tmp_path / "networks.csv"]
    taken = sum(path.stat().st_size for path in written)
    assert 0.7 < taken / size.disk(grid) < 1.3


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"widths": (5, 10**6)}, "depths, widths: expected what fits .* memory"),
        ({"depths": (10**18,)}, "memory|free"),
        ({"seeds": 10**15}, "seeds: expected what fits into what is free"),
    ],
)
def test_what_no_machine_holds_is_refused_before_anything_is_written(
    settings, words, tmp_path
):
    grid = Grid(**settings)
    with pytest.raises(capacity.TooLarge, match=words):
        sweep.run(grid, tmp_path / "out")
    assert not list(tmp_path.iterdir())
    with pytest.raises(capacity.TooLarge, match="memory"):
        sweep.train(grid)


def test_a_name_that_is_too_long_is_told_as_that(tmp_path):
    with pytest.raises(UnusableDirectory, match="File name too long.*another --out"):
        sweep.run(Grid(seeds=1), tmp_path / ("a" * 300))


def test_what_is_done_needs_no_more_room(tmp_path, monkeypatch):
    grid = Grid(seeds=10_000)
    free = types.SimpleNamespace(free=size.disk(grid) - 1000, total=1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: free)
    with pytest.raises(capacity.TooLarge, match="seeds: "):
        size.check_disk(grid, tmp_path)
    (tmp_path / "chunks").mkdir()
    (tmp_path / "chunks" / "000000.npz").write_bytes(bytes(1000))
    size.check_disk(grid, tmp_path)
