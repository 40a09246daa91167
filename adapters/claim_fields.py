"""Single fields of what an island says, judged by themselves: whether a machine can have such a number, such a word.

Called by `adapters.claim_codec`. Every refusal is a `ClaimRejected` (implausible) that names the field and its bound.
"""

import re
from decimal import Decimal, InvalidOperation
from typing import Final

from domain.category import CATEGORIES_MAX, CATEGORY, CATEGORY_CHARACTERS_MAX
from domain.claim import ClaimRejected, ClaimRejection
from domain.pricing import AMOUNT_MICRO_MAX, MICRO_PER_CREDIT

ASKS_MAX: Final = 200
ASK_CREDITS_MAX: Final = AMOUNT_MICRO_MAX // MICRO_PER_CREDIT


def categories(field: str, words: list[str]) -> tuple[str, ...]:
    """Raises `ClaimRejected` for what is no list of categories."""
    if len(words) > CATEGORIES_MAX:
        raise ClaimRejected(ClaimRejection.IMPLAUSIBLE, f"{field}: at most {CATEGORIES_MAX}")
    for word in words:
        if len(word) > CATEGORY_CHARACTERS_MAX or not re.fullmatch(CATEGORY, word):
            raise ClaimRejected(
                ClaimRejection.IMPLAUSIBLE, f"{field}: each must be lower-case letters, digits and hyphens"
            )
    return tuple(sorted(set(words)))


def plausible(field: str, value: int, most: int) -> None:
    if not 0 <= value <= most:
        raise ClaimRejected(ClaimRejection.IMPLAUSIBLE, f"{field}: must be 0-{most}")


def asks(prices: dict[str, str]) -> dict[str, int]:
    """Asks in micro-credits from decimal strings in credits."""
    if len(prices) > ASKS_MAX:
        raise ClaimRejected(ClaimRejection.IMPLAUSIBLE, f"asking_prices: at most {ASKS_MAX}")
    return {slug: ask_micro(slug, price) for slug, price in sorted(prices.items())}


def ask_micro(slug: str, price: str) -> int:
    try:
        asked = Decimal(price)
        # Compared first: multiplied, a huge exponent would become a number of a million digits.
        micro = int(asked * MICRO_PER_CREDIT) if 0 < asked <= ASK_CREDITS_MAX else 0
    except InvalidOperation:
        micro = 0
    if not micro:
        raise ClaimRejected(
            ClaimRejection.IMPLAUSIBLE, f"asking_prices.{slug[:40]}: must be a positive decimal"
        )
    return micro
