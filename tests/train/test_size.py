"""What a run is said to take is what it takes, and what is too much is refused."""

import shutil
import sys
import types

import pytest
from oracles import processes

from xorlab import capacity, train
from xorlab.train import Config, size

# To be run in a process of its own: prints the bytes that a run added to the peak.
_PEAK = """
from xorlab import startup, train
startup.import_tensorflow()
train.run(train.Config(steps=1, depth=2, run_name="small"))
def peak():
    # Not `getrusage`, which begins at the peak of the process that started this one.
    with open("/proc/self/status") as file:
        [line] = [line for line in file if line.startswith("VmHWM:")]
    return 1024 * int(line.split()[1])
before = peak()
train.run(train.Config(steps=1, depth=3, width=3000))
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells the peak in /proc")
def test_memory_is_about_what_a_run_takes(tmp_path):
    done = processes.run("-c", _PEAK, cwd=tmp_path)
    taken = size.memory(Config(depth=3, width=3000))
    assert 0.7 < int(done.stdout.splitlines()[-1]) / taken < 1.4, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{"width": 5}, {"width": 64, "histograms": False}])
def test_disk_is_about_what_the_logs_of_steps_take(settings, tmp_path):
    sizes = []
    for steps in (1, 9):
        name = f"steps{steps}"
        config = Config(
            **settings,
            depth=2,
            steps=steps,
            log_every=2,
            jit=False,
            logdir=str(tmp_path),
            run_name=name,
        )
        train.run(config)
        [events] = config.run_dir.glob("events*")
        sizes.append(events.stat().st_size - size.disk(config))
    # The graph and the settings are in both.
    assert abs(sizes[1] - sizes[0]) < 0.4 * size.disk(config)


@pytest.mark.parametrize("network", ["handmade", "shallow"])
def test_other_networks_are_as_small_as_they_are(network):
    assert size.memory(Config(network=network)) < 10_000


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"width": 10**9}, "depth, width: expected what fits into this machine's mem"),
        ({"width": 10**18, "depth": 800}, "depth, width: .* GB; choose less"),
        ({"steps": 10**15}, "steps, log_every: expected what fits into what is free"),
    ],
)
def test_what_no_machine_holds_is_refused_before_anything_is_written(
    settings, words, tmp_path
):
    config = Config(**settings, logdir=str(tmp_path / "logs"))
    with pytest.raises(capacity.TooLarge, match=words):
        train.run(config)
    assert not list(tmp_path.iterdir())


def test_what_a_machine_holds_is_asked_of_it(tmp_path, monkeypatch):
    config = Config(width=100, logdir=str(tmp_path))
    size.check(config)
    monkeypatch.setattr(capacity, "memory", lambda: size.memory(config) - 1)
    with pytest.raises(capacity.TooLarge, match="memory"):
        size.check(config)
    monkeypatch.undo()
    free = types.SimpleNamespace(free=size.disk(config) - 1, total=1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: free)
    with pytest.raises(capacity.TooLarge, match="free"):
        size.check(config)
