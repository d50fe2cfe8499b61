"""What there is to run:

    python -m xorlab.train    one network of the lecture, trained and logged
    python -m xorlab.sweep    thousands of networks, and how often they learn
    python -m xorlab.lecture  the whole lecture, told in half a minute
    python -m xorlab.images   activations by starts, on images: the last table
    python -m xorlab.report   runs side by side, on one page

Each says with --help how it is told what to do.
"""

from xorlab import startup


def main(argv: list[str]) -> int:
    """Lists the commands; returns the exit code."""
    print(__doc__.strip())
    return 0


if __name__ == "__main__":
    startup.run_command(main)
