"""Puts runs side by side on one page: `python -m xorlab.report RUN [RUN …]`."""

import pathlib

from absl import flags

from xorlab import startup
from xorlab.checks import folder as path
from xorlab.files import write_atomically


def define_flags() -> None:
    """Defines where to write."""
    flags.DEFINE_string("out", "report.html", "the page")


def main(argv: list[str]) -> int:
    """Checks, reads, writes; returns the exit code."""
    folders = [pathlib.Path(word) for word in argv[1:]]
    try:
        out = path("out", flags.FLAGS.out)
        if not folders:
            raise ValueError(
                "run: expected folders of runs; received none; write "
                + startup.typed("python -m xorlab.report RUN [RUN …]")
            )
        for folder in folders:
            if not folder.is_dir():
                raise ValueError(
                    f"run: expected a folder; received {str(folder)!r}, which is none; "
                    "name one that a command here has printed"
                )
        startup.import_tensorflow()
        # Here, because reading event files imports TensorFlow.
        from xorlab.report.page import page

        write_atomically(out, page(folders).encode())
    except (ValueError, OSError) as error:
        return startup.refuse(error)
    print(f"Page: {out}\nSee it: open it in a browser")
    return 0


if __name__ == "__main__":
    define_flags()
    startup.run_command(main)
