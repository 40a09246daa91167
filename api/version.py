"""The version of this program, as it was installed. Told by the health route and by the AsyncAPI document."""

from importlib.metadata import version
from typing import Final

VERSION: Final = version("archipelago")
