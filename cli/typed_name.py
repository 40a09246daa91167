"""What a person types to run this program, for every sentence that tells the next command.

In a checkout nobody's PATH holds `archipelago`: whoever typed `.venv/bin/archipelago` is told to type that again.
"""

import shutil
import sys
from functools import cache
from pathlib import Path

NAME = "archipelago"


@cache
def program() -> str:
    """`archipelago` where the shell finds this very program by its name, else the path as it was typed."""
    typed = Path(sys.argv[0])
    if typed.name != NAME or not typed.exists():
        return NAME
    found = shutil.which(NAME)
    return NAME if found is not None and typed.samefile(found) else str(typed)
