"""How a command starts and ends: its flags, TensorFlow, errors and closing words."""

import codecs
import contextlib
import gc
import io
import os
import pathlib
import shlex
import shutil
import signal
import sys
import tempfile
import textwrap
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from absl import flags

from xorlab import __version__

INTERRUPTED = 130  # The exit code of what Ctrl-C has ended.
# Seconds: a signal that is given to another thread does not wake the main one.
LISTENS_EVERY = 0.1
# What stands for a character that a terminal does not have; "?" for any other.
_PLAIN = {"█": "#", "→": "->", "…": "...", "·": "*", "×": "x", "–": "-", "µ": "u"}
_HANGING: dict[str, Any] = {"subsequent_indent": "    ", "break_on_hyphens": False}
_is_command = False  # Whether the process is a command's, and ends with it.


def run_command(main: Callable[[list[str]], int]) -> None:
    """Runs a program's `main` on the command line's flags and ends with its exit code.

    `--help`, `-h` and `--version` are answered here. A flag that cannot be parsed is
    one line on standard error and exit code 2, and a warning is one line; Ctrl-C that
    `main` does not hear ends the program without a traceback, and `kill` is heard as
    Ctrl-C is; a reader of the output that stops reading, such as `head`, is no error.
    """
    global _is_command
    _is_command = True
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        # So `xorlab` leaves it; a shell's background job is deaf to it, and stays so.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    codecs.register_error("plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain")
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"
    try:
        if answer := _answer(sys.argv[1:]):
            print(answer)
            code = 0
        else:
            code = main(flags.FLAGS(sys.argv))
        sys.stdout.flush()
    except flags.UnrecognizedFlagError as error:
        code = refuse(_with_long_name(error))
    except flags.Error as error:
        code = refuse(error)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        code = INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    finally:
        _is_command = False
    if code == INTERRUPTED:
        # Threads may still be inside of what lets no signal through.
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _with_long_name(error):
    """Adds to a flag that is none the flags of which it has the initials."""
    name = error.flagname
    meant = [x for x in flags.FLAGS if name == "".join(w[:1] for w in x.split("_"))]
    return flags.UnrecognizedFlagError(name, suggestions=meant) if meant else error


def _plain(error):
    """Writes what a terminal has not, as a handler of errors of an encoding."""
    characters = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character, "?") for character in characters), error.end


def _answer(words):
    """What is told without running the program, if it is asked for."""
    if "--version" in words:
        return f"xorlab {__version__}"
    if not {"-h", "--help"} & set(words):
        return None
    lines = [f"{(sys.modules['__main__'].__doc__ or '').rstrip()}\n"]
    for flag in flags.FLAGS.get_key_flags_for_module(sys.argv[0]):
        name = f"--[no]{flag.name}" if flag.boolean else f"--{flag.name}"
        default = (flag.default_as_str or "").strip("'")
        words = f"{name}: {flag.help}" + (f" (default: {default})" if default else "")
        lines.append(textwrap.fill(words, 80, initial_indent="  ", **_HANGING))
    lines.append("  -h, --help: show this; --version: show the version")
    return "\n".join(lines)


def refuse(error: BaseException, code: int = 2) -> int:
    """Says in one line on standard error why a command ends; returns its exit code."""
    print("error:", " ".join(str(error).splitlines()), file=sys.stderr)
    return code


def not_written(error: OSError, then: str) -> OSError:
    """Says what could not be written, and what to do."""
    if error.filename is None:
        return error
    return OSError(
        f"expected to write {error.filename}; {error.strerror}; make room, and {then}"
    )


def closing(what: str, where: os.PathLike | str, logdir: os.PathLike | str) -> str:
    """The last lines of a command: where its results are, and how to see them."""
    command = tensorboard(logdir)
    return f"{what}: {where}\nSee it: {command}\nand open http://localhost:6006"


def tensorboard(logdir: os.PathLike | str) -> str:
    """The command that shows what is logged in a folder, as it is typed here."""
    # Between quotes no shell looks for the user's own folder.
    path = pathlib.Path(logdir).expanduser()
    return typed(f"tensorboard --logdir {shlex.quote(str(path))}")


def typed(command: str) -> str:
    """A command as it is typed here, where no environment may be active.

    Args:
        command: begins with `python`, which is the interpreter that runs, or with
            another program beside it.
    """
    name, space, words = command.partition(" ")
    program = pathlib.Path(sys.executable)
    if name != "python":
        program = program.with_name(name)
    found = shutil.which(program.name)
    if found and pathlib.Path(found).parent.resolve() == program.parent.resolve():
        program = pathlib.Path(program.name)
    elif program.is_relative_to(pathlib.Path.cwd()):
        program = program.relative_to(pathlib.Path.cwd())
    return shlex.quote(str(program)) + space + words


def import_tensorflow() -> float:
    """Imports TensorFlow and Keras without their start-up notes; returns the seconds.

    It sets environment variables of the process, unless TensorFlow is imported already:
    then it does nothing.

    Raises:
        ImportError: as the import does; what was written meanwhile is shown.
        KeyboardInterrupt: Ctrl-C; nothing is shown.
    """
    started = time.perf_counter()
    if "tensorflow" in sys.modules:
        return 0.0
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _stderr_held_back(), _uncollected():
        try:
            import keras  # noqa: F401
            import tensorflow as tf

            # The first op looks for devices, and says which it did not find.
            tf.zeros(())
        except Exception as error:
            if _came_of_ctrl_c(error):
                raise KeyboardInterrupt from None
            raise
    return time.perf_counter() - started


@contextlib.contextmanager
def on_device(name: str) -> Iterator[None]:
    """Inside, this thread's TensorFlow works on a device, such as `CPU` or `GPU:0`.

    Raises:
        ValueError: this machine has none of that name.
    """
    import tensorflow as tf

    kind, _, number = name.partition(":")
    present = tf.config.list_logical_devices(kind)
    names = [device.name.removeprefix("/device:") for device in present]
    # With a number: without one, it would be added to the scope outside.
    whole_name = f"{kind}:{number or 0}"
    if whole_name not in names:
        raise ValueError(
            f"device: expected one that TensorFlow sees; received {name!r}; it sees "
            f"{', '.join(names) or f'no {kind}'}; leave it out to work on the CPU"
        )
    with tf.device(whole_name):
        yield


def _came_of_ctrl_c(error):
    """A module in C++ that hears it while it is imported makes an error of its own."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


@contextlib.contextmanager
def _uncollected():
    """Inside, no garbage is collected; at its end a command freezes all that there is.

    To look through it again and again takes more than a quarter of a short run's time.
    """
    as_before = gc.enable if gc.isenabled() else gc.disable
    try:
        gc.disable()
        yield
    finally:
        if _is_command:
            gc.freeze()
        as_before()


@contextlib.contextmanager
def _stderr_held_back():
    """Holds back what C++ writes to standard error; shows it if there is an error."""
    sys.stderr.flush()
    with contextlib.ExitStack() as stack:
        try:
            held = stack.enter_context(tempfile.TemporaryFile())
        except OSError:  # There is no room for it.
            yield
            return
        kept = os.dup(2)
        stack.callback(os.close, kept)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except Exception:
            os.dup2(kept, 2)
            held.seek(0)
            shutil.copyfileobj(held, sys.stderr.buffer)
            raise
        finally:
            os.dup2(kept, 2)
