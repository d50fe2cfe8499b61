"""See gradients vanish, and say why a Keras model does not learn.

| room | holds |
| --- | --- |
| `xorlab.models` | the lecture's networks: `handmade`, `shallow`, `deep` |
| `xorlab.callbacks` | `TensorBoard`: Keras's callback, with gradients and op graph |
| `xorlab.diagnose` | why a model does not learn, told by a clone of it |
| `xorlab.watch` | the same for training loops of your own |
| `xorlab.train` | one run of the lecture, the command `python -m xorlab.train` |
| `xorlab.sweep` | thousands of networks, the command `python -m xorlab.sweep` |
| `xorlab.images` | activations by starts, the command `python -m xorlab.images` |
| `xorlab.steps` | one training step from the inside: `StepTap`, `rms_by_layer` |
| `xorlab.diagnosis` | numbers in, verdict out |
| `xorlab.pictures` | recorded numbers in, figures out |
| `xorlab.eventlog` | what TensorBoard is told |

Importing `xorlab` is cheap: a room is imported when it is first used, and TensorFlow
with it where it is needed.
"""

import itertools
import signal
import sys

if sys.argv[:1] == ["-m"] and ("-m", __name__) in [
    (flag, name.partition(".")[0]) for flag, name in itertools.pairwise(sys.orig_argv)
]:
    # `python -m` looks for a command of ours. Until that listens to Ctrl-C, Ctrl-C
    # ends it, with no traceback of an import.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

import lazy_loader

__version__ = "0.2.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
