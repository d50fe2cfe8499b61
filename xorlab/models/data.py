"""The exclusive-or table, all of the lecture's data."""

import numpy as np

# [N, I] and [N, O]; the lecture feeds all four rows in every step.
INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32)
LABELS = np.array([[0], [1], [1], [0]], dtype=np.float32)
