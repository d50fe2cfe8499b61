"""The command, its logs and its result."""

import contextlib
import json
import math
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from oracles import processes
from oracles.numpy_network import cost_and_gradients
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2

from xorlab import train
from xorlab.files import UnusableDirectory, claimed
from xorlab.models import data
from xorlab.models.fused import FusedModel
from xorlab.train import Config, pace, report
from xorlab.train import __main__ as command_line
from xorlab.train.training import network

LAYERS = [f"layer{n}" for n in range(1, 11)] + ["last"]
STEPS_LOGGED = [0, 10, 20, 25]


@pytest.fixture(scope="module")
def events(finished_runs):
    config, _ = finished_runs["sigmoid"]
    accumulator = EventAccumulator(
        str(config.run_dir), size_guidance={"tensors": 0, "graph": 0}
    )
    accumulator.Reload()
    return accumulator


def series(events, tag):
    return {
        e.step: float(np.frombuffer(e.tensor_proto.tensor_content, np.float32)[0])
        for e in events.Tensors(tag)
    }


def test_step_zero_and_the_last_step_are_logged(events):
    for tag in ("cost", "accuracy", "gradient_rms/layer1", "log10_gradient_rms/last"):
        assert list(series(events, tag)) == STEPS_LOGGED


def test_logs_at_step_zero_are_of_the_untouched_network(events, finished_runs):
    config, result = finished_runs["sigmoid"]
    weights = network(config).get_weights()
    cost, _, gradients = cost_and_gradients(
        weights, data.INPUTS, data.LABELS, "sigmoid"
    )
    assert series(events, "cost")[0] == pytest.approx(cost, rel=1e-5)
    first = np.concatenate([g.ravel() for g in gradients[:2]])
    rms = np.sqrt(np.mean(first**2))
    assert result["gradient_rms"]["start"]["layer1"] == pytest.approx(rms, rel=1e-4)
    assert series(events, "gradient_rms/layer1")[0] == pytest.approx(rms, rel=1e-4)
    log10 = series(events, "log10_gradient_rms/layer1")[0]
    assert log10 == pytest.approx(math.log10(rms), rel=1e-4)


def test_every_gradient_weight_and_activation_has_a_histogram(events):
    wanted = {f"{layer}/activation" for layer in LAYERS}
    for layer in LAYERS:
        for weight in ("kernel", "bias"):
            wanted |= {f"{layer}/{weight}/gradient", f"{layer}/{weight}/weight"}
    histograms = {
        tag
        for tag in events.Tags()["tensors"]
        if events.SummaryMetadata(tag).plugin_data.plugin_name == "histograms"
    }
    assert histograms == wanted
    counts = {
        "layer6/kernel/gradient": 25,
        "last/activation": 4,
        "layer1/bias/weight": 5,
    }
    for tag, count in counts.items():
        for event in events.Tensors(tag):
            rows = np.frombuffer(event.tensor_proto.tensor_content).reshape(-1, 3)
            assert rows[:, 2].sum() == count


def test_the_graph_is_that_of_any_device(events):
    # As in the lecture's picture; TensorBoard lists and colours those that are named.
    assert {node.device for node in events.Graph().node} == {""}


def test_histograms_can_be_left_out(small_run):
    events = EventAccumulator(str(small_run))
    events.Reload()
    assert "gradient_rms/layer1" in events.Tags()["tensors"]
    assert "layer1/activation" not in events.Tags()["tensors"]


def test_settings_card_and_layout_are_logged(events):
    card = events.Tensors("run")[0].tensor_proto.string_val[0].decode()
    assert "| activation | sigmoid |" in card and "| tensorflow |" in card
    layout = events.Tensors("custom_scalars__config__")[0].tensor_proto.string_val[0]
    section = layout_pb2.Layout.FromString(layout).category[0]
    charts = {chart.title: chart.multiline.tag for chart in section.chart}
    # A title for each that says what it is of, and the layers as in the model.
    assert [title.split()[0] for title in charts][:2] == ["Cost:", "Accuracy:"]
    *_, over_layers, over_time = charts.values()
    assert over_layers == ["^log10_gradient_rms_by_layer/"]
    assert over_time == [f"^log10_gradient_rms/{layer}$" for layer in LAYERS]
    assert "_hparams_/session_start_info" in events.Tags()["tensors"]
    assert "_hparams_/session_end_info" in events.Tags()["tensors"]


def test_runs_compare_in_hparams(finished_runs, serve):
    import urllib.request

    config, result = finished_runs["relu"]
    request = urllib.request.Request(
        serve(config.logdir) + "data/plugin/hparams/session_groups",
        data=json.dumps(
            {
                "allowedStatuses": ["STATUS_SUCCESS"],
                "startIndex": 0,
                "sliceSize": 10,
                "colParams": [],
            }
        ).encode(),
        headers={"Content-Type": "application/json"},
    )
    groups = json.loads(urllib.request.urlopen(request).read())["sessionGroups"]
    finals = {
        group["hparams"]["activation"]: {
            value["name"]["tag"]: value["value"] for value in group["metricValues"]
        }
        for group in groups
    }
    assert set(finals) == set(finished_runs)
    assert finals["relu"]["cost"] == pytest.approx(result["cost"], rel=1e-6)
    assert finals["relu"]["accuracy"] == result["accuracy"]


def test_result_is_of_the_final_network(finished_runs):
    config, result = finished_runs["relu"]
    assert json.loads((config.run_dir / "result.json").read_text()) == result
    assert result["steps_done"] == 25 and result["diverged_at"] is None
    assert result["config"]["activation"] == "relu"
    assert set(result["config"]) == {f for f in Config.__dataclass_fields__}
    assert set(result["versions"]) >= {"xorlab", "tensorflow", "keras", "tensorboard"}
    assert set(result["seconds"]) == {"import", "compile", "train", "log", "total"}

    # The same 25 steps by plain gradient descent, in NumPy.
    weights = [w.astype(float) for w in network(config).get_weights()]
    for _ in range(25):
        _, _, gradients = cost_and_gradients(weights, data.INPUTS, data.LABELS, "relu")
        weights = [w - 0.1 * g for w, g in zip(weights, gradients, strict=True)]
    cost, hypothesis, gradients = cost_and_gradients(
        weights, data.INPUTS, data.LABELS, "relu"
    )
    assert result["cost"] == pytest.approx(cost, rel=1e-4)
    np.testing.assert_allclose(result["hypothesis"], hypothesis.ravel(), rtol=1e-4)
    assert result["predicted"] == (hypothesis.ravel() > 0.5).astype(float).tolist()
    last = np.concatenate([g.ravel() for g in gradients[-2:]])
    rms = np.sqrt(np.mean(last**2))
    assert result["gradient_rms"]["end"]["last"] == pytest.approx(rms, rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("network", ["shallow", "handmade"])
def test_the_other_networks_train_too(network, tmp_path):
    config = Config(network=network, steps=3, jit=False, logdir=str(tmp_path))
    result = train.run(config)
    assert result["steps_done"] == 3
    assert (network != "handmade") or result["accuracy"] == 1.0


def test_a_cost_that_is_not_finite_ends_the_run(tmp_path):
    config = Config(
        activation="identity",
        depth=3,
        learning_rate=1e30,
        steps=1000,
        jit=False,
        logdir=str(tmp_path),
    )
    result = train.run(config)
    text = (config.run_dir / "result.json").read_text()
    # JSON has no word for NaN.
    assert json.loads(text, parse_constant=pytest.fail)["cost"] is None
    assert result["diverged_at"] == result["steps_done"] < 10
    assert not math.isfinite(result["cost"])
    assert f"not finite at step {result['steps_done']}" in report.verdict(result)
    assert "Cost: nan" in report.lecture_block(result)
    assert "nan" in report.gradient_table(result["gradient_rms"]["end"], "end")


def test_an_existing_run_is_refused_and_kept(finished_runs):
    config, _ = finished_runs["relu"]
    before = {p: p.read_bytes() for p in config.run_dir.iterdir()}
    with pytest.raises(UnusableDirectory, match="--overwrite to replace it"):
        train.run(config)
    assert {p: p.read_bytes() for p in config.run_dir.iterdir()} == before


def test_a_folder_named_like_a_file_of_a_run_is_none_of_its_own(tmp_path):
    config = Config(**SMALL, logdir=str(tmp_path), overwrite=True)
    (config.run_dir / "result.json").mkdir(parents=True)
    with pytest.raises(UnusableDirectory, match="own files .* found result.json"):
        train.run(config)


SMALL = {"steps": 20, "depth": 2, "log_every": 5, "histograms": False, "jit": False}


@pytest.mark.slow
def test_how_executions_are_cut_changes_nothing(tmp_path, monkeypatch):
    results = []
    for name, longest in (("whole", 100.0), ("cut", 0.0)):
        monkeypatch.setattr(pace, "_LONGEST", longest)
        settings = SMALL | {"jit": True, "run_name": name, "logdir": str(tmp_path)}
        results.append(train.run(Config(**settings)))
    for result in results:
        del result["seconds"], result["config"]
    assert results[0] == results[1]


@pytest.fixture(scope="module")
def small_run(tmp_path_factory):
    """The folder of a run without histograms."""
    config = Config(**SMALL, logdir=str(tmp_path_factory.mktemp("small")))
    train.run(config)
    return config.run_dir


@pytest.fixture
def old_run(small_run, tmp_path):
    """A run that is to be replaced, and what its folder holds."""
    config = Config(**SMALL, logdir=str(tmp_path), overwrite=True)
    shutil.copytree(small_run, config.run_dir)
    return config, contents(config.run_dir)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_run_that_dies_before_its_first_step_leaves_the_old_one(old_run, monkeypatch):
    config, before = old_run

    def fit(self, *args, **kwargs):
        assert contents(config.run_dir) == before
        raise RecursionError

    monkeypatch.setattr(FusedModel, "fit", fit)
    with pytest.raises(RecursionError):
        train.run(config)
    assert contents(config.run_dir) == before


def test_a_run_that_dies_later_has_taken_the_place_of_the_old_one(old_run, monkeypatch):
    config, before = old_run
    fit = FusedModel.fit

    def dying(self, *args, **kwargs):
        fit(self, *args, **kwargs)
        raise RecursionError

    monkeypatch.setattr(FusedModel, "fit", dying)
    with pytest.raises(RecursionError):
        train.run(config)
    [events] = contents(config.run_dir)
    assert events.startswith("events") and events not in before


@pytest.mark.slow
def test_overwrite_replaces_a_run_and_nothing_else(old_run):
    config, _ = old_run
    for _ in range(2):  # Within a second, too.
        train.run(config)
        events, result = sorted(contents(config.run_dir))
        assert events.startswith("events") and result == "result.json"
    (config.run_dir / "thesis.txt").write_text("not ours")
    with pytest.raises(UnusableDirectory, match="own files .* found thesis.txt"):
        train.run(config)
    assert (config.run_dir / "result.json").exists()


def test_what_others_put_into_the_folder_stays(tmp_path, monkeypatch):
    config = Config(**SMALL, logdir=str(tmp_path))

    def fit(self, *args, **kwargs):
        (config.run_dir / "plugins").mkdir()
        (config.run_dir / "notes.txt").touch()
        raise MemoryError

    monkeypatch.setattr(FusedModel, "fit", fit)
    with pytest.raises(MemoryError):
        train.run(config)
    assert set(contents_of(config.run_dir)) == {"plugins", "notes.txt"}


def contents_of(folder):
    return [path.name for path in folder.iterdir()]


def test_a_run_is_not_started_twice_at_once(old_run):
    config, before = old_run
    with claimed(config.run_dir, "run", lambda path: True, "logdir"):
        with pytest.raises(UnusableDirectory, match="no other run is writing"):
            train.run(config)
    assert contents(config.run_dir) == before


def test_a_run_stopped_before_its_first_step_leaves_nothing(tmp_path, monkeypatch):
    def fit(self, *args, **kwargs):
        os.kill(os.getpid(), signal.SIGINT)
        while not self.stop_training:
            time.sleep(0.01)

    monkeypatch.setattr(FusedModel, "fit", fit)
    config = Config(**SMALL, logdir=str(tmp_path))
    with hearing_ctrl_c(), pytest.raises(KeyboardInterrupt):
        train.run(config)
    assert not list(tmp_path.iterdir())


def test_a_second_ctrl_c_keeps_what_was_logged(tmp_path, monkeypatch):
    fit = FusedModel.fit

    def endless(self, *args, **kwargs):
        fit(self, *args, **kwargs)
        for _ in range(2):  # As if a step took for ever.
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.2)
        time.sleep(100)

    monkeypatch.setattr(FusedModel, "fit", endless)
    config = Config(**SMALL, logdir=str(tmp_path))
    with hearing_ctrl_c():
        result = train.run(config)
    assert result["steps_done"] == 20
    assert json.loads((config.run_dir / "result.json").read_text()) == result


@contextlib.contextmanager
def hearing_ctrl_c():
    # A shell's background jobs, as these tests may be, are deaf to it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_full_disk_is_one_line(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    config = Config(depth=2, jit=False)
    monkeypatch.setattr(command_line.settings, "from_flags", lambda *_: config)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, before[1]))
    try:
        code = command_line.main(["program"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    _, errors = capfd.readouterr()
    assert code == 2
    assert errors.startswith("error: expected to write logs/deep-relu-seed22-depth2-")
    assert "/event" in errors and "; File too large; make room, and" in errors
    assert errors.count("\n") == 1
    assert not list(tmp_path.iterdir())


MISTAKES = {
    "--log_dir=elsewhere": "Did you mean: logdir",
    "--logdir=~nosuchuser/logs": "a user of this machine",
    "--learning_rate=1e-300": "single precision can hold; received 1e-300",
    "--activation=rellu": "did you mean 'relu'?",
    "--network=dep": "did you mean 'deep'?",
    "--optimizer=sdg": "did you mean 'sgd'?",
    "--initializer=unifrm": "did you mean 'uniform'?",
    "--depth=1": "at least 2; received 1",
    "--learning_rate=inf": "received inf",
    "--logdir=/dev/null/logs": "choose another --logdir",
    "relu": "expected flags; received 'relu'",
    "--network=handmade --activation=relu": "activation: expected sigmoid, ",
    "--actvation=relu": "Did you mean: activation",
    "--steps=many": "--steps=many: expected a whole number\n",
    "--init_scale=big": "--init_scale=big: expected a number\n",
    "--lr=1": "Did you mean: learning_rate",
    "--initializer=xavier": "did you mean 'glorot_uniform'?",
    "--width=0": "at least 1; received 0",
    "--steps=0": "at least 1; received 0",
    "--log_every=0": "at least 1; received 0",
}


@pytest.fixture(scope="module")
def answers():
    """What the command says to some flags, without TensorFlow."""
    asked = ["--help", *MISTAKES]
    return processes.answers({x: ["-m", "xorlab.train", *x.split()] for x in asked})


@pytest.mark.slow
@pytest.mark.parametrize("flags", MISTAKES)
def test_a_mistake_is_one_line_before_any_work(flags, answers):
    done = answers[flags]
    assert (done.returncode, done.stdout) == (2, "")
    assert MISTAKES[flags] in done.stderr
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


@pytest.mark.slow
def test_help_names_every_flag_without_tensorflow(answers):
    helped = answers["--help"].stdout
    for name in Config.__dataclass_fields__:
        assert f"--{name}:" in helped or f"--[no]{name}:" in helped


def test_importing_the_package_does_not_import_tensorflow():
    code = "import sys, xorlab, xorlab.train; print('tensorflow' in sys.modules)"
    printed = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert printed == "False\n"


@pytest.mark.slow
def test_the_command_prints_the_lecture_s_block_and_no_noise(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "xorlab.train"]
        + ["--depth=2", "--steps=4", "--log_every=3"],
        cwd=tmp_path,
        env=_environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert done.stderr == ""
    for words in (
        "Accuracy: ",
        "Hypothesis",
        "Gradients at the start, input first",
        "layer1",
        "first/last: ",
        "Run: logs/deep-relu-seed22-depth2-steps4-log_every3",
        " --logdir logs",
        "open http://localhost:6006",
    ):
        assert words in done.stdout
    assert list(tmp_path.glob("logs/*-log_every3/result.json"))


@pytest.mark.slow
def test_ctrl_c_stops_and_leaves_readable_logs(tmp_path):
    flags = ["--depth=2", "--nojit", "--steps=1000000000", "--log_every=500"]
    program = "-m", "xorlab.train", "--run_name=run"
    process = processes.Started(*program, *flags, cwd=tmp_path)
    run, sizes = tmp_path / "logs" / "run", set()
    while len(sizes) < 5:  # Until it has logged some steps.
        assert process.poll() is None
        sizes |= {path.stat().st_size for path in run.glob("events*")}
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate()
    result = json.loads((run / "result.json").read_text())
    assert process.returncode == 130
    assert 0 < result["steps_done"] < 1_000_000_000
    assert f"Stopped at step {result['steps_done']} of 1000000000" in output
    events = EventAccumulator(str(run), size_guidance={"tensors": 0})
    events.Reload()
    assert max(series(events, "cost")) == result["steps_done"]


def _environment():
    """The tests' own environment, as a user's shell would have it."""
    ours = {"TF_CPP_MIN_LOG_LEVEL", "KERAS_BACKEND"}
    environment = {k: v for k, v in os.environ.items() if k not in ours}
    root = pathlib.Path(train.__file__).parents[2]
    return {**environment, "PYTHONPATH": str(root)}
