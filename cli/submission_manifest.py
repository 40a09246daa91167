"""A cargo's manifest as the submission it makes: the same folder is published directly or submitted.

Called by `cli.submission`. Only what the two forms say differently is looked at; the coordinator checks the rest.
"""

import hashlib
import json
from typing import Any, Final

from cli.failure import wrong_usage
from cli.publication import MANIFEST

SAME: Final = (
    "slug",
    "version",
    "name",
    "description",
    "determinism",
    "trust_level",
    "limits",
    "target_score",
    "input_schema",
    "output_schema",
)
"""Fields that both forms have under one name."""
LISTED: Final = ("tags", "icon_url", "readme", "screenshots")
MICRO_DIGITS: Final = 6
PRICED: Final = ("job", "second", "token")


def submission_of(manifest: dict[str, Any], digest: str) -> dict[str, Any]:
    """Raises CommandFailed where the manifest lacks what the marketplace needs, or has what it cannot have."""
    if manifest.get("runtime") != "wasm":
        raise wrong_usage("runtime", f"only wasm can be submitted from a {MANIFEST} yet")
    listing = manifest.get("listing", {})
    if not isinstance(listing, dict) or not listing.get("tagline"):
        raise wrong_usage("listing.tagline", f"must say in {MANIFEST} in one line what the cargo does")
    if not manifest.get("category"):
        raise wrong_usage("category", f"must be named in {MANIFEST}, as data")
    needs = manifest.get("requirements", {})
    return {
        **{name: manifest[name] for name in SAME if name in manifest},
        **{name: listing[name] for name in LISTED if name in listing},
        **{f"required_{name}": amount for name, amount in needs.items()},
        **price_of(manifest),
        "tagline": listing["tagline"],
        "category": manifest["category"],
        "wasm_hash": digest,
    }


def price_of(manifest: dict[str, Any]) -> dict[str, str]:
    """`{"price_per_job": "0.500000"}`."""
    unit, price_micro = manifest.get("price_unit", "job"), manifest.get("price_micro")
    if unit not in PRICED:
        raise wrong_usage("price_unit", f"must be one of {', '.join(PRICED)}")
    if not isinstance(price_micro, int) or price_micro <= 0:
        raise wrong_usage("price_micro", "must be a whole number of micro-credits, at least 1")
    whole, part = divmod(price_micro, 10**MICRO_DIGITS)
    return {f"price_per_{unit}": f"{whole}.{part:0{MICRO_DIGITS}d}"}


def digest_of(fields: dict[str, Any]) -> str:
    """The same for the same submission, so that sending it twice makes one."""
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
