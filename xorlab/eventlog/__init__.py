"""What TensorBoard is told: event files, and the op graph in them.

Enters: numbers and counts of steps, a model to draw.
Leaves: event files.
Imports: `files`, `steps`.
"""
