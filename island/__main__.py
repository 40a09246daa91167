"""`python -m island`: the daemon with nothing but its environment. People type `archipelago island run`."""

import sys

from island.main import run
from island.settings import Settings

if __name__ == "__main__":
    sys.exit(run(Settings()))
