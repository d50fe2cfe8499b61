"""What there is to run:

    python -m xorlab.train    one network of the lecture, trained and logged
    python -m xorlab.sweep    thousands of networks, and how often they learn
    python -m xorlab.lecture  the whole lecture, told in about a minute
    python -m xorlab.images   activations by starts, on images: the last table
    python -m xorlab.report   runs side by side, on one page

Each says with --help how it is told what to do.
"""

import re

from absl import flags

from xorlab import startup
from xorlab.checks import one_of


def main(argv: list[str]) -> int:
    """Lists the commands; returns the exit code."""
    python = startup.typed("python")
    if argv[1:]:
        try:
            name = one_of("command", argv[1], re.findall(r"xorlab\.(\w+)", __doc__))
        except ValueError as error:
            return startup.refuse(error)
        mend = f"write {python} -m xorlab.{name}, with a dot"
        return startup.refuse(ValueError(f"expected no word; received {name}; {mend}"))
    print(__doc__.strip().replace("python", python))
    return 0


if __name__ == "__main__":
    flags.FLAGS.set_gnu_getopt(False)  # After a word, flags are another command's.
    startup.run_command(main)
