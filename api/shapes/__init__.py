"""What answers look like: rows of the read side as JSON objects. Pure functions, no I/O.

Every object carries its fields at the top level (state words, decimal strings) and once more, in the dialect of the
SDKs, under `data` (status words, numbers). Absent means none; nothing is ever null.
"""
