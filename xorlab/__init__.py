"""See gradients vanish, and say why a Keras model does not learn.

| room | holds |
| --- | --- |
| `xorlab.models` | the lecture's networks: `handmade`, `shallow`, `deep` |
| `xorlab.callbacks` | `TensorBoard`: Keras's callback, with gradients and op graph |
| `xorlab.watch` | the same for training loops of your own |
| `xorlab.train` | one run of the lecture, the command `python -m xorlab.train` |
| `xorlab.sweep` | thousands of networks, the command `python -m xorlab.sweep` |
| `xorlab.steps` | one training step from the inside: `StepTap`, `rms_by_layer` |
| `xorlab.diagnosis` | numbers in, verdict out |
| `xorlab.pictures` | recorded numbers in, figures out |
| `xorlab.eventlog` | what TensorBoard is told |

Importing `xorlab` is cheap: a room is imported when it is first used, and TensorFlow
with it where it is needed.
"""

import lazy_loader

__version__ = "0.2.0.dev0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
