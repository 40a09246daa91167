"""A fact of the log, under its stored name. Secrets are left out, even their hashes."""

from typing import Any, Final

import msgspec

from adapters.codec import NAMES
from api.shapes.present import present

SECRET_FIELDS: Final = frozenset({"secret_sha256"})


def fact_shape(event: object) -> dict[str, Any]:
    data = msgspec.to_builtins(event)
    return {
        "event": NAMES[type(event)],
        "data": present({name: value for name, value in data.items() if name not in SECRET_FIELDS}),
    }
