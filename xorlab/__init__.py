"""See gradients vanish, and look for the same thing in your own Keras models.

Importing `xorlab` is cheap: TensorFlow is imported by the modules that need it
(`xorlab.models`, `xorlab.fused`, `xorlab.callbacks`), not here.
"""

__version__ = "0.1.0"
