"""`python -m island`: the daemon with nothing but its environment. People type `archipelago island run`.

Exit code 2 where a setting cannot be used, else what `island.main.run` says.
"""

import sys

from island.main import run
from island.settings import read_settings


def main() -> int:
    settings = read_settings()
    return 2 if settings is None else run(settings)


if __name__ == "__main__":
    sys.exit(main())
