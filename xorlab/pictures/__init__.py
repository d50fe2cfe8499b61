"""Recorded numbers in, figures out.

Enters: what a run or a sweep recorded.
Leaves: `matplotlib.figure.Figure`s, and PNG files.
Imports: `diagnosis`, `files`, `models`, `settings`.

| | |
| --- | --- |
| `gradients_by_layer` | the lecture in one picture: gradient RMS against layer |
| `gradients_over_time` | the same as colour, layers by steps |
| `learning_curves` | cost and accuracy (pictures 06 and 10) |
| `activation_gallery` | the gallery, with slopes (picture 11) |
| `surfaces`, `square` | the hypothesis over the unit square, and the points for it |
| `rows_by_layer` | what each layer makes of the four rows |
| `histograms_by_layer` | weights, activations and gradients, exact zeros apart |
| `phase_diagram`, `gradients_by_depth`, `OF_SWEEPS` | what sweeps found |
| `accuracies` | what tables of images found |
| `save`, `encoded` | a figure as PNG |

Matplotlib is imported by what draws, when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
