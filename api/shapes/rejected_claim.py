"""A claim that did not count, and why."""

from dataclasses import asdict
from typing import Any

from adapters.nats.rejected_claims import RejectedClaim
from api.shapes.present import instant


def rejected_claim_fields(claim: RejectedClaim) -> dict[str, Any]:
    return {**asdict(claim), "received_at": instant(claim.received_at_ms)}


def rejected_claim_shape(claim: RejectedClaim) -> dict[str, Any]:
    fields = rejected_claim_fields(claim)
    return {**fields, "data": fields}
