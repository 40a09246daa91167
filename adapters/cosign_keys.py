"""Public keys that sign cargos, as an operator lays them into a folder: one PEM file for each key.

Read by the route that publishes them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

KEYS_MAX: Final = 64
SUFFIX: Final = ".pem"


class KeyUnusable(Exception):
    """The text names the file and the rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CosignKey:
    """`key_id` is the name of its file without the suffix."""

    key_id: str
    public_key_pem: str


def read_cosign_keys(folder: Path) -> list[CosignKey]:
    """By name. Raises `KeyUnusable`, OSError."""
    files = sorted(folder.glob(f"*{SUFFIX}"))
    if len(files) > KEYS_MAX:
        raise KeyUnusable(f"{folder}: at most {KEYS_MAX} keys")
    return [CosignKey(key_id=file.stem, public_key_pem=checked(file)) for file in files]


def checked(file: Path) -> str:
    try:
        text = file.read_text()
        key = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm) as fault:
        raise KeyUnusable(f"{file}: must hold a public key in PEM") from fault
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise KeyUnusable(f"{file}: must hold an ECDSA key on P-256")
    return text
