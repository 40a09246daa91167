"""Answers about the network itself: whether it is well, its public numbers, its signing keys."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from api.schemas.fields import Instant

Well = Literal["ok", "error"]


class HealthChecks(TypedDict):
    """Each part of a coordinator."""

    nats: Well
    postgres: Well
    projections: Well
    books: Well
    workers: Well


class Health(TypedDict):
    """`projection_lag` is how many commits each read model is behind."""

    status: Literal["ok", "degraded"]
    timestamp: Instant
    version: str
    checks: HealthChecks
    projection_lag: dict[str, int]
    failing_workers: list[str]


class NetworkStats(TypedDict):
    """Public numbers. `regions` are those of the islands online."""

    online_islands: int
    regions: list[str]
    jobs_completed: int


class SigningKey(TypedDict):
    """A public key (PEM) that signs cargos."""

    key_id: str
    public_key: str
    algorithm: str
    issuer: NotRequired[str]
