"""Programs that run in a process of their own, without the seconds of an import.

Each is forked off a process that has imported TensorFlow, and done nothing with it; or,
if it must not import TensorFlow, off one that has imported only small packages. For
those whose first words count there is `subprocess`.
"""

import atexit
import contextlib
import importlib
import json
import multiprocessing
import os
import pathlib
import runpy
import signal
import subprocess
import sys
import tempfile
import threading

# Windows has none, where each process imports anew.
_HAS_SERVER = "forkserver" in multiprocessing.get_all_start_methods()
_CONTEXT = multiprocessing.get_context("forkserver" if _HAS_SERVER else "spawn")
_CONTEXT.set_forkserver_preload(["tensorflow", "keras", "distributed"])


class Started:
    """A program that runs as `python *arguments` does, as a `subprocess.Popen`.

    Args:
        *arguments: `-c CODE`, `-m MODULE` or `FILE`, and what it is given.
        cwd: where it runs.
        env: variables of the environment that differ from the tests' own.
    """

    def __init__(self, *arguments, cwd=".", env=()):
        self._folder = tempfile.TemporaryDirectory()
        self._words = [pathlib.Path(self._folder.name) / x for x in ("out", "err")]
        self._process = _CONTEXT.Process(
            target=_run,
            args=(arguments, cwd, {**os.environ, **dict(env)}, self._words),
            daemon=True,
        )
        self._process.start()
        self.pid = self._process.pid
        self.args = arguments

    @property
    def returncode(self):
        return self._process.exitcode

    def poll(self):
        return self._process.exitcode

    def send_signal(self, number):
        os.kill(self.pid, number)

    def kill(self):
        self._process.kill()

    def communicate(self, timeout=300):
        """Waits for its end; returns what it wrote, and its errors."""
        self._process.join(timeout)
        if self.poll() is None:
            self.kill()
            self._folder.cleanup()
            raise subprocess.TimeoutExpired(self.args, timeout)
        with self._folder:
            return tuple(path.read_text() for path in self._words)


def run(*arguments, **kwargs):
    """Runs a program to its end, as `subprocess.run` does."""
    started = Started(*arguments, **kwargs)
    words = started.communicate()
    return subprocess.CompletedProcess(arguments, started.returncode, *words)


def answers(programs):
    """Runs programs that need no TensorFlow, which they die of, and write nothing.

    Args:
        programs: the arguments of each, as those of `Started`, by any name.

    Returns:
        What `subprocess.run` returns, by the same names.
    """
    code = "from oracles import processes; processes._answer()"
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "tensorflow.py").write_text("raise SystemError('here')")
        paths = os.pathsep.join([folder, *sys.path])
        done = subprocess.check_output(
            [sys.executable, "-c", code, folder, json.dumps(list(programs.values()))],
            env=os.environ | {"PYTHONPATH": paths},
            text=True,
        )
    ended = [subprocess.CompletedProcess(*each) for each in json.loads(done)]
    return dict(zip(programs, ended, strict=True))


def _answer():
    for name in ("importlib.metadata", "absl.flags", "numpy"):  # What takes longest.
        importlib.import_module(name)
    root, programs, done = pathlib.Path(sys.argv[1]), json.loads(sys.argv[2]), []
    words, here = [root / "out", root / "err"], root / "here"
    here.mkdir()
    for arguments in programs:
        if not (child := os.fork()):
            _run(arguments, here, dict(os.environ), words)
            sys.exit()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert not list(here.iterdir()), arguments
        done.append([arguments, code, *(path.read_text() for path in words)])
    print(json.dumps(done))


def _run(arguments, cwd, env, words):
    for number, path in enumerate(words, 1):
        with open(path, "w") as file:
            os.dup2(file.fileno(), number)
    os.chdir(cwd)
    os.environ.clear()  # Of the process that it is forked off, begun some tests ago.
    os.environ.update(env)
    sys.path[:0] = ["", *env.get("PYTHONPATH", "").split(os.pathsep)]
    # A shell's background jobs, as these tests may be, are deaf to Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        match arguments:
            case ["-m", module, *rest]:
                sys.argv = [module, *rest]
                runpy.run_module(module, run_name="__main__", alter_sys=True)
            case ["-c", code, *rest]:
                sys.argv = ["-c", *rest]
                exec(code, {"__name__": "__main__"})
            case [file, *rest]:
                sys.argv = [file, *rest]
                sys.path[0] = os.path.dirname(file)
                runpy.run_path(file, run_name="__main__")
    finally:
        threading._shutdown()  # As at the end of any program: first its threads.
        with contextlib.suppress(Exception):
            atexit._run_exitfuncs()
