"""Programs that run in a process of their own, without the seconds of an import.

Each is forked off a process that has imported TensorFlow, and done nothing with it. For
programs that must not import it, or whose first words count, there is `subprocess`.
"""

import atexit
import contextlib
import multiprocessing
import os
import pathlib
import runpy
import signal
import subprocess
import sys
import tempfile

# Windows has none, where each process imports anew.
_HAS_SERVER = "forkserver" in multiprocessing.get_all_start_methods()
_CONTEXT = multiprocessing.get_context("forkserver" if _HAS_SERVER else "spawn")
_CONTEXT.set_forkserver_preload(["tensorflow", "keras"])


class Started:
    """A program that runs as `python *arguments` does, as a `subprocess.Popen`.

    Args:
        *arguments: `-c CODE` or `-m MODULE`, and what it is given.
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
    kind, program, *sys.argv[1:] = arguments
    sys.argv[0] = program
    try:
        if kind == "-m":
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        else:
            exec(program, {"__name__": "__main__"})
    finally:
        with contextlib.suppress(Exception):
            atexit._run_exitfuncs()
