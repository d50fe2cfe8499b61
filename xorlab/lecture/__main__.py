"""Tells the whole lecture, in about a minute: `python -m xorlab.lecture`."""

import sys
import textwrap

from absl import flags

from xorlab import settings, startup
from xorlab.checks import folder
from xorlab.files import write_atomically
from xorlab.lecture.tell import page, tell
from xorlab.lecture.words import CHAPTERS


def define_flags() -> None:
    """Defines where to write."""
    flags.DEFINE_string("logdir", "logs/lecture", "folder of its runs, and of the page")


def main(argv: list[str]) -> int:
    """Tells each chapter when it is known, writes the page; returns the exit code."""
    told = []
    try:
        logdir = folder("logdir", flags.FLAGS.logdir)
        settings.check_no_words(argv)
        print("Pictures with numbers are the lecture's: the page says what they show.")
        for chapter in tell(logdir):
            told.append(chapter)
            words = CHAPTERS[chapter.chapter]
            text = words.text.format(**chapter.facts)
            print(f"\n{words.title}\n{'-' * len(words.title)}")
            print("\n\n".join(map(textwrap.fill, text.split("\n\n"))))
            if chapter.tables:
                print(f"\n{chapter.tables}")
            sys.stdout.flush()
        where = logdir / "lecture.html"
        write_atomically(where, page(told).encode())
    except ValueError as error:
        return startup.refuse(error)
    except OSError as error:
        return startup.refuse(startup.not_written(error, "give the command again"))
    except KeyboardInterrupt:
        print("\nStopped. The same command begins again.", file=sys.stderr)
        return startup.INTERRUPTED
    print(f"\nAll of it on one page: {where}")
    print(startup.closing("Runs", logdir, logdir))
    return 0


if __name__ == "__main__":
    define_flags()
    startup.run_command(main)
