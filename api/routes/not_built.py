"""What clients of such networks may ask for and this one does not do yet: said plainly, so that nobody waits for it.

Each route goes away from here when its part is built.
"""

from typing import NoReturn

from fastapi import APIRouter

from api.authorization import Lender, Reader, Writer
from api.errors import ApiError, ErrorCode

router = APIRouter(tags=["not built"])


def refuse(what: str) -> NoReturn:
    raise ApiError(ErrorCode.NOT_AVAILABLE, f"{what}: not built yet")


@router.post("/ab-tests", status_code=501)
async def create_ab_test(_: Writer) -> None:
    """Not built yet: compare two cargos on live jobs."""
    refuse("A/B tests")


@router.post("/ab-tests/{test_id}/activate", status_code=501)
async def activate_ab_test(test_id: str, _: Writer) -> None:  # noqa: ARG001 - part of the path
    """Not built yet: begin such a comparison."""
    refuse("A/B tests")


@router.get("/ab-tests/{test_id}/results", status_code=501)
async def get_ab_test_results(test_id: str, _: Reader) -> None:  # noqa: ARG001 - part of the path
    """Not built yet: what such a comparison found."""
    refuse("A/B tests")


@router.post("/federated/sessions", status_code=501)
async def create_federated_session(_: Writer) -> None:
    """Not built yet: train one model on many islands."""
    refuse("federated training")


@router.post("/confidential/keys", status_code=501)
async def create_confidential_key(_: Writer) -> None:
    """Not built yet: keys for inputs that only one island can read."""
    refuse("confidential jobs")


@router.post("/island/apple-silicon/attest", status_code=501)
async def attest_apple_silicon(_: Lender) -> None:
    """Not built yet: prove an island's hardware."""
    refuse("attestation of Apple hardware")


@router.get("/island/encryption-target", status_code=501)
async def get_encryption_target(_: Lender) -> None:
    """Not built yet: the key to encrypt an input for."""
    refuse("confidential jobs")


@router.get("/cache/stats", status_code=501)
async def get_cache_stats(_: Reader) -> None:
    """Not built yet: there is no cache of results; every job runs."""
    refuse("a cache of results")
