"""What kind of work a cargo is, in one word, and which kinds an island's owner takes.

The publisher names the category in the manifest; it is a claim, which a review checks. Owners may refuse some, or take
nothing but some.
"""

from dataclasses import dataclass
from typing import Final

CATEGORY: Final = r"^[a-z0-9]+(-[a-z0-9]+)*$"
CATEGORY_CHARACTERS_MAX: Final = 40
CATEGORIES_MAX: Final = 32
"""So many words an owner may allow, and so many refuse."""
OTHER: Final = "other"  # What a cargo is that names no category.


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryPolicy:
    """Only what is `allowed`, where anything is named there, and nothing that is `refused`."""

    allowed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    def takes(self, category: str) -> bool:
        """Whether cargos of this category may run; an empty word is `OTHER`."""
        word = category or OTHER
        return word not in self.refused and (not self.allowed or word in self.allowed)


ANY_CATEGORY: Final = CategoryPolicy()
