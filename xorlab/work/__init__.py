"""Long work in chunks: kept as they are done, gone on with, handed to many workers.

Enters: a frozen record of what is to be trained, its chunks, and who trains one.
Leaves: a folder of what is done, and its tables.
Imports: `checks`, `files`, `provenance`, `settings`, `startup`.

`xorlab.sweep` and `xorlab.images` are built on it.
"""
