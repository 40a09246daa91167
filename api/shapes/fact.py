"""A fact of the log, under its stored name. Secrets are left out, even their hashes.

So is whether a result will be checked: nobody is told before the job has ended, and then its success says it.
"""

from typing import Any, Final

import msgspec

from adapters.codec import NAMES
from api.shapes.present import present
from domain.job_events import JobAssigned

SECRET_FIELDS: Final = frozenset({"secret", "secret_sha256"})


def fact_shape(event: object) -> dict[str, Any]:
    data = msgspec.to_builtins(event)
    hidden = SECRET_FIELDS | {"check"} if isinstance(event, JobAssigned) else SECRET_FIELDS
    return {
        "event": NAMES[type(event)],
        "data": present({name: value for name, value in data.items() if name not in hidden}),
    }
