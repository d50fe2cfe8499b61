"""Runs and sweeps train on the CPU, or on the device that they are told."""

import pytest
from oracles import processes

from xorlab import sweep, train

# A process of its own: a machine has its devices when TensorFlow starts. Two virtual
# CPUs stand in for a CPU and a GPU, which is where TensorFlow would put all it can.
PROGRAM = """
import sys
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)
import numpy as np
from xorlab import sweep, train
from xorlab.sweep.engine import Program
from xorlab.train import training

def short(tensors):
    return {tensor.device.rpartition(":")[2] for tensor in tf.nest.flatten(tensors)}

used = []
fit, measure = training.FusedModel.fit, Program.measure
def fitted(model, *args, **kwargs):
    history = fit(model, *args, **kwargs)
    variables = *model.variables, *model.optimizer.variables, *model.metrics_variables
    used.append(short([v.value for v in variables]))
    return history
training.FusedModel.fit = fitted
def measured(program, state):
    if state.step > 0:
        used.append(short(state))
    return measure(program, state)
Program.measure = measured

grid = sweep.Grid(activations=("relu",), depths=(2,), seeds=2, steps=10)
config = dict(steps=10, log_every=10, logdir=sys.argv[1], depth=2, histograms=False)
costs = []
with tf.device("CPU:1"):  # Where TensorFlow works, unless told.
    for device in ("CPU", "CPU:1"):
        name = f"run{len(costs)}"
        run = train.run(train.Config(**config, device=device, run_name=name))
        costs += [run["cost"], *sweep.train(grid, device)["cost"]]
assert used == [{"0"}] * 2 + [{"1"}] * 2, used
assert np.array_equal(costs[:3], costs[3:])
print("checked")
"""


@pytest.mark.slow
def test_they_train_where_they_are_told(tmp_path):
    done = processes.run("-c", PROGRAM, str(tmp_path))
    assert done.stdout == "checked\n", done.stderr


def test_a_device_that_is_not_there_is_named(tmp_path):
    expected = "device: expected one that TensorFlow sees; received 'TPU:7'; it sees no"
    config = train.Config(device="TPU:7", logdir=str(tmp_path))
    with pytest.raises(ValueError, match=expected):
        train.run(config)
    assert not list(config.run_dir.parent.glob("*/*"))
    grid = sweep.Grid(activations=("relu",), depths=(2,), seeds=2, steps=10)
    with pytest.raises(ValueError, match=expected):
        sweep.train(grid, device="TPU:7")
