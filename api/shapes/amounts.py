"""Credits as people write them. Inside they are whole micro-credits; one credit is a million of them."""

import re
from decimal import Decimal
from typing import Any, Final

from domain.pricing import AMOUNT_MICRO_MAX, MICRO_PER_CREDIT

DECIMAL: Final = re.compile(r"[0-9]{1,10}(\.[0-9]{1,6})?")


def decimal_text(micro: int) -> str:
    """`1500000` -> `"1.5"`; at least one digit behind the point."""
    sign = "-" if micro < 0 else ""
    whole, part = divmod(abs(micro), MICRO_PER_CREDIT)
    return f"{sign}{whole}.{f'{part:06d}'.rstrip('0') or '0'}"


def number(micro: int) -> float:
    """`1500000` -> `1.5`, for the SDKs, which read numbers."""
    return micro / MICRO_PER_CREDIT


def parse_price(value: Any) -> int:
    """A price of a request, in micro-credits: a decimal string or a number.

    Raises ValueError with the rule. A float is read as it is printed, which is what its writer meant.
    """
    if isinstance(value, float | int) and not isinstance(value, bool):
        value = format(Decimal(str(value)), "f").removesuffix(".0")
    if not isinstance(value, str) or not DECIMAL.fullmatch(value):
        raise ValueError("must be a positive decimal with at most 6 digits behind the point")
    micro = int(Decimal(value) * MICRO_PER_CREDIT)
    if not 0 < micro <= AMOUNT_MICRO_MAX:
        raise ValueError(f"must be above 0 and at most {AMOUNT_MICRO_MAX // MICRO_PER_CREDIT}")
    return micro
