"""What is trained: the lecture's networks, and what they are made of.

Enters: names and numbers: an activation, a depth, a seed.
Leaves: Keras models, not compiled.
Imports: `checks`.

>>> from xorlab import models
>>> models.deep("tanh", depth=3).count_params()
51

| | |
| --- | --- |
| `handmade`, `shallow`, `deep` | the lecture's networks |
| `FusedModel` | their class, for any layers: many full-batch steps as one program |
| `Affine` | their layer |
| `ACTIVATIONS`, `INITIALIZERS`, `OPTIMIZERS` | the tables of names |
| `mean_field` | how gradients start, by theory |
| `lsuv` | a start that fits any Keras model to its data |
| `data` | XOR: `data.INPUTS` and `data.LABELS` |

TensorFlow is imported by what needs it, when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
