"""The coordinator and the island as programs that commands start. The command line never imports them: ADR 1.

`become` turns this process into one of them; `local_program.py` keeps them as children.
"""

import os
import sys
from collections.abc import Mapping
from typing import NoReturn


def command(module: str, *, mark: str = "") -> list[str]:
    """How to start `module`. `mark` stands in the command line, where a later start finds leftovers by it.

    `-X` with a name of our own changes nothing in Python.
    """
    marked = ["-X", f"archipelago={mark}"] if mark else []
    return [sys.executable, *marked, "-m", module]


def become(module: str, settings: Mapping[str, str]) -> NoReturn:
    """Be that program from now on: same process, same terminal, same signals. Empty settings stay as they are."""
    given = {name: value for name, value in settings.items() if value}
    arguments = command(module)
    os.execve(arguments[0], arguments, os.environ | given)  # noqa: S606 - no shell is wanted
