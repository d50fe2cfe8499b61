"""A command ends in its exit code and a line, and hides no error of TensorFlow's."""

import contextlib
import gc
import os
import signal
import subprocess
import sys
import warnings

import pytest

import xorlab
from xorlab import startup


def test_a_refusal_is_one_line_on_standard_error(capsys):
    assert startup.refuse(ValueError("depth: expected 2")) == 2
    assert startup.refuse(ValueError("gone"), code=1) == 1
    assert capsys.readouterr() == ("", "error: depth: expected 2\nerror: gone\n")


def test_what_is_imported_already_costs_and_changes_nothing(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", object())
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert startup.import_tensorflow() == 0
    assert os.environ["KERAS_BACKEND"] == "jax"


@pytest.fixture
def stand_ins(tmp_path, monkeypatch):
    """Lets Keras and TensorFlow be imported anew, as files of this code."""

    def write(**code):
        for name, text in code.items():
            (tmp_path / f"{name}.py").write_text(f"import os\n{text}")
            monkeypatch.setitem(sys.modules, name, None)  # To have it put back.
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setenv("KERAS_BACKEND", "jax")

    return write


_ZEROS = "def zeros(shape):\n    os.write(2, b'no such device')\n"


def test_what_an_import_writes_is_held_back(stand_ins, capfd):
    stand_ins(keras="os.write(2, b'a note')", tensorflow=_ZEROS)
    assert startup.import_tensorflow() > 0
    assert os.environ["KERAS_BACKEND"] == "tensorflow"
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


@pytest.mark.parametrize("by_command", [False, True])
def test_a_command_looks_for_no_garbage_in_what_it_imports(
    by_command, stand_ins, command, monkeypatch
):
    # What a library's user has made may be garbage one day.
    frozen = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append("keras" in sys.modules))
    stand_ins(keras="", tensorflow=_ZEROS)
    if by_command:
        assert command(lambda argv: 0 if startup.import_tensorflow() else 1) == 0
        assert frozen == [True]
        stand_ins(keras="", tensorflow=_ZEROS)
    startup.import_tensorflow()
    assert frozen == [True] * by_command


@pytest.mark.parametrize("is_on", [False, True])
@pytest.mark.parametrize("then", ["", "raise ImportError('broken')"])
def test_garbage_is_collected_after_an_import_if_it_was_before(is_on, then, stand_ins):
    stand_ins(keras=f"import gc; assert not gc.isenabled()\n{then}", tensorflow=_ZEROS)
    (gc.enable if is_on else gc.disable)()
    try:
        with contextlib.suppress(ImportError):
            startup.import_tensorflow()
        assert gc.isenabled() == is_on
    finally:
        gc.enable()


def test_what_an_import_writes_is_shown_if_it_fails(stand_ins, capfd):
    stand_ins(keras="os.write(2, b'a note; ')\nraise ImportError('broken')")
    stand_ins(tensorflow=_ZEROS)
    with pytest.raises(ImportError, match="broken"):
        startup.import_tensorflow()
    os.write(2, b"after")
    assert capfd.readouterr().err == "a note; after"


@pytest.mark.parametrize(
    "code",
    [
        "raise KeyboardInterrupt",
        # As a module in C++ does.
        "try:\n    raise KeyboardInterrupt\n"
        "except BaseException as error:\n    raise ImportError('half') from error",
    ],
)
def test_ctrl_c_during_an_import_is_ctrl_c_and_shows_nothing(code, stand_ins, capfd):
    stand_ins(keras=f"os.write(2, b'a note')\n{code}", tensorflow=_ZEROS)
    with pytest.raises(KeyboardInterrupt):
        startup.import_tensorflow()
    assert capfd.readouterr().err == ""


@pytest.fixture
def command(monkeypatch):
    """Ends as a program of `startup.run_command` does; returns its exit code."""
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    monkeypatch.setattr(startup, "_is_command", False)
    before = signal.getsignal(signal.SIGTERM)

    def run(main, *words):
        monkeypatch.setattr(sys, "argv", ["program", *words])
        with pytest.raises(SystemExit) as ended:
            startup.run_command(main)
        return ended.value.code

    yield run
    signal.signal(signal.SIGTERM, before)


def test_a_command_ends_with_its_exit_code(command):
    assert command(lambda argv: 7) == 7


def test_what_ctrl_c_has_ended_waits_for_no_thread(command, monkeypatch, capsys):
    # It would end the tests, too.
    monkeypatch.setattr(os, "_exit", sys.exit)
    assert command(lambda argv: print("its words") or startup.INTERRUPTED) == 130
    assert capsys.readouterr().out == "its words\n"


def test_a_flag_that_is_none_is_one_line(command, capsys):
    assert command(lambda argv: 0, "--no_such_flag=1") == 2
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.count("\n") == 1
    assert shown.err.startswith("error: Unknown command line flag 'no_such_flag'")


def test_an_error_of_many_lines_is_one(capsys):
    startup.refuse(ValueError("out: received a\nb\r\nc"))
    assert capsys.readouterr().err == "error: out: received a b c\n"


def test_a_warning_is_one_line(command):
    with pytest.warns(UserWarning) as caught:
        command(lambda argv: warnings.warn("chunks: damaged", stacklevel=1))
    [warning] = caught
    shown = warnings.formatwarning(
        warning.message, warning.category, warning.filename, warning.lineno
    )
    assert shown == "warning: chunks: damaged\n"


def test_kill_is_heard_as_ctrl_c_is(command):
    def main(argv):
        # Or it would end the tests.
        assert callable(signal.getsignal(signal.SIGTERM))
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        return 7

    assert command(main) == 7


def run_with(program, **environment):
    """Runs a program of this text as a process."""
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        env=os.environ | paths | environment,
    )


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("ascii", b"# -> ... ?\n"), ("cp949", "# → … ?\n".encode("cp949"))],
)
def test_a_terminal_without_a_character_shows_another(encoding, shown):
    program = (
        "import sys; from xorlab import startup\n"
        "text = '\\u2588 \\u2192 \\u2026 \\u2603'\n"
        "main = lambda argv: print(text) or print(text, file=sys.stderr) or 7\n"
        "startup.run_command(main)"
    )
    done = run_with(program, PYTHONIOENCODING=encoding)
    assert done.returncode == 7
    assert done.stdout == done.stderr == shown


def test_the_version_is_told_without_a_run(command, capsys):
    assert command(pytest.fail, "--version") == 0
    assert capsys.readouterr().out == f"xorlab {xorlab.__version__}\n"


def test_ctrl_c_that_a_program_does_not_hear_is_a_word(command, monkeypatch, capsys):
    monkeypatch.setattr(os, "_exit", sys.exit)

    def main(argv):
        raise KeyboardInterrupt

    assert command(main) == startup.INTERRUPTED
    assert capsys.readouterr() == ("", "Stopped.\n")


@pytest.fixture
def hearing():
    """Lets programs hear Ctrl-C, to which a shell's background jobs are deaf."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("hearing")
@pytest.mark.parametrize("name", ["xorlab.train", "xorlab.sweep"])
def test_ctrl_c_while_a_command_is_imported_ends_it_without_a_word(name, tmp_path):
    # What both import, and where Ctrl-C comes as it is imported.
    (tmp_path / "absl").mkdir()
    (tmp_path / "absl" / "__init__.py").write_text(
        "import os, signal; os.kill(os.getpid(), signal.SIGINT)"
    )
    done = subprocess.run(
        [sys.executable, "-m", name],
        capture_output=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
    )
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")


@pytest.mark.usefixtures("hearing")
def test_a_program_of_others_that_imports_xorlab_hears_ctrl_c_as_ever(tmp_path):
    (tmp_path / "theirs.py").write_text(
        "import signal, xorlab\n"
        "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler"
    )
    for words in (["-m", "theirs"], ["theirs.py", "-m", "xorlab.train"]):
        subprocess.run(
            [sys.executable, *words],
            cwd=tmp_path,
            check=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )


def test_the_last_words_name_a_program_that_is_there(tmp_path, monkeypatch):
    def commanded():
        words = startup.closing("Run", "logs/a", "my logs").splitlines()
        assert words[0] == "Run: logs/a"
        assert words[2] == "and open http://localhost:6006"
        return words[1].removeprefix("See it: ")

    program = tmp_path / ".venv" / "bin" / "tensorboard"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    monkeypatch.setattr(sys, "executable", str(program.with_name("python")))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commanded() == f"{program} --logdir 'my logs'"
    monkeypatch.chdir(tmp_path)
    assert commanded() == ".venv/bin/tensorboard --logdir 'my logs'"
    assert startup.typed("python -m xorlab") == ".venv/bin/python -m xorlab"
    monkeypatch.setenv("PATH", str(program.parent))
    assert commanded() == "tensorboard --logdir 'my logs'"
    # Between quotes no shell looks for the user's own folder.
    monkeypatch.setenv("HOME", str(tmp_path))
    shown = startup.tensorboard("~/my logs")
    assert shown == f"tensorboard --logdir '{tmp_path}/my logs'"
    # Another python than this may be called so, which has no xorlab.
    program.with_name("python").touch(mode=0o755)
    assert startup.typed("python -m xorlab") == "python -m xorlab"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert startup.typed("python") == ".venv/bin/python"


# What is short is only written when the program ends.
@pytest.mark.parametrize("lines", [1, 100_000])
def test_a_reader_that_stops_reading_is_no_error(lines):
    program = (
        "import sys; from xorlab import startup\n"
        f"main = lambda argv: sys.stdin.read() or print('line\\n' * {lines}) or 7\n"
        "startup.run_command(main)"
    )
    paths = os.pathsep.join(sys.path)
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": paths, "PYTHONUNBUFFERED": ""},
    ) as process:
        process.stdout.close()
        process.stdin.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0
