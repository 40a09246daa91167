"""What a counterfactual supposes, from what was typed: a file of rules, islands left out, prices changed.

Used by `archipelago placement replay`. Every fault is a `CommandFailed` that names the option or the field of the file.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from cli.failure import CommandFailed, wrong_usage
from commands.counterfactual import WHOLE_PERMILLE, Supposition
from domain.placement_rules import CURRENT, PlacementRules

FILE_BYTES_MAX: Final = 1 << 16
FACTOR_MAX: Final = 1_000
POINTS_MAX: Final = 1_000_000_000
"""The largest number a rule may have, as far from nought either way."""
SETTABLE: Final = tuple(field.name for field in fields(PlacementRules) if field.name != "version")


def supposition(rules: Path | None, without: Sequence[str], price_factors: Sequence[str]) -> Supposition:
    """Raises CommandFailed."""
    return Supposition(
        rules=CURRENT if rules is None else rules_from(rules),
        without=frozenset(without),
        price_permille=dict(price_of(text) for text in price_factors),
    )


def rules_from(path: Path) -> PlacementRules:
    """The rules of today with the fields that the file names: TOML, or JSON where its name ends so."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CommandFailed(f"--rules: {path} cannot be read: {error.strerror}") from error
    if len(content) > FILE_BYTES_MAX:
        raise wrong_usage("--rules", f"{path} must have at most {FILE_BYTES_MAX} bytes")
    try:
        text = content.decode()
        named = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except ValueError as error:
        raise wrong_usage(
            "--rules", f"{path} must be {'JSON' if path.suffix == '.json' else 'TOML'}: {error}"
        ) from error
    if not isinstance(named, dict):
        raise wrong_usage("--rules", f"{path} must name rules and their numbers")
    changed: dict[str, Any] = {name: number_of(name, value) for name, value in named.items()}
    return replace(CURRENT, **changed)


def number_of(name: str, value: Any) -> int | Mapping[str, tuple[int, int, int]]:
    if name not in SETTABLE:
        raise wrong_usage(f"--rules: {name}", f"is no rule; the rules are {', '.join(SETTABLE)}")
    if name == "weights":
        return weights_of(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > POINTS_MAX:
        raise wrong_usage(f"--rules: {name}", "must be a whole number; points are hundredths of a point")
    return value


def weights_of(value: Any) -> Mapping[str, tuple[int, int, int]]:
    """The runtimes that are named; the others keep their weights."""
    if not isinstance(value, dict):
        raise wrong_usage("--rules: weights", "must name runtimes, e.g. wasm = [25, 40, 35]")
    weights = dict(CURRENT.weights)
    for runtime, row in value.items():
        if runtime not in weights:
            raise wrong_usage(f"--rules: weights.{runtime}", f"must be one of {', '.join(weights)}")
        is_row = isinstance(row, list) and len(row) == 3 and all(type(part) is int for part in row)
        if not is_row or min(row) < 0 or sum(row) != 100:
            raise wrong_usage(
                f"--rules: weights.{runtime}",
                "must be three percentages of speed, fit and headroom: 100 in all",
            )
        speed, fit, headroom = row
        weights[runtime] = (speed, fit, headroom)
    return weights


def price_of(text: str) -> tuple[str, int]:
    """`garden=1.2` -> the island, and 1200 thousandths."""
    island, _, factor = text.rpartition("=")
    try:
        permille = Decimal(factor) * WHOLE_PERMILLE
    except InvalidOperation:
        permille = Decimal(-1)
    if not island or not permille.is_finite() or not 0 <= permille <= FACTOR_MAX * WHOLE_PERMILLE:
        raise wrong_usage("--price-factor", f"must be ISLAND=FACTOR, e.g. garden=1.2, up to {FACTOR_MAX}")
    return island, int(permille)
