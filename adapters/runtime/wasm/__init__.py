"""Runs WebAssembly cargos in locked worker processes. `runtime.py` is the way in."""
