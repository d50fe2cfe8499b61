"""What TensorBoard is told: event files, and the op graph in them.

Enters: numbers and counts of steps, a model to draw.
Leaves: event files.
Imports: `files`, `steps`.

| | |
| --- | --- |
| `EventFile`, `StepValues` | a run's log, and what it is given of a step |
| `train_step_graph` | the op graph of a Keras model's training step |

TensorFlow is imported by what needs it, when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
