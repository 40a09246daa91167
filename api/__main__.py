"""`python -m api`: the coordinator."""

import sys

from api.main import main

if __name__ == "__main__":
    sys.exit(main())
