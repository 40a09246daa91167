"""`python -m registrar`: the registrar."""

import sys

from registrar.main import main

if __name__ == "__main__":
    sys.exit(main())
