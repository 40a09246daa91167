"""`python -m island`: the daemon with nothing but its environment. People type `archipelago island run`.

Exit code 2 where a setting cannot be used, else what `island.main.run` says.
"""

import sys

from pydantic import ValidationError

from island.main import run
from island.settings import Settings


def main() -> int:
    try:
        settings = Settings()
    except ValidationError as wrong:
        for one in wrong.errors():
            sys.stderr.write(f"error: ARCHIPELAGO_ISLAND_{str(one['loc'][0]).upper()}: {one['msg']}\n")
        return 2
    return run(settings)


if __name__ == "__main__":
    sys.exit(main())
