"""What a decision on a submission does to the cargo: approved it is published, suspended it is stopped for everybody.

Used by the routes of staff and, for the check before it, by those of publishers. The cargo comes first and the
submission second, and both steps repeat harmlessly: whoever decides again after a crash finishes what was begun. An
owner who withdraws in the very moment of the approval finds the cargo published.
"""

from dataclasses import replace
from typing import Final

from adapters import clock
from adapters.runtime.contract import Refused, RuntimeBroken
from adapters.runtime.wasm.compiler_process import CompileBounds, compile_apart
from api.cargo_manifest import check_module
from api.edge import EdgeState, origin_of
from api.errors import ApiError, ErrorCode, invalid
from api.key_ring import Caller
from commands.event_log import Origin
from commands.handle import Handled
from commands.publication import publish
from domain.cargo import CARGO
from domain.cargo_commands import DisableCargo, EnableCargo, PublishCargo
from domain.cargo_spec import CargoVersion, Runtime
from domain.person import PERSON
from domain.submission import (
    SUBMISSION,
    ApproveSubmission,
    Submission,
    SubmissionEvent,
    SubmissionStatus,
    SuspendSubmission,
)

FIELD: Final = "submission.wasm_hash"
SUSPENDED: Final = "staff suspended it on the marketplace"
COMPILE_BOUNDS: Final = CompileBounds(wall_s=20.0, cpu_s=20, data_mb=512)
"""Less than an island gives: the coordinator has other things to do."""

Decided = Handled[Submission | None, SubmissionEvent]


async def check_before_staff(edge: EdgeState, submission: Submission) -> None:
    """Whether it could be published as it stands, so that nobody waits for staff in vain.

    A module is compiled as islands do, in a process of its own. Containers and models wait for a
    runtime; what can be said of them is said by staff. Raises `ApiError` and `Rejected`.
    """
    if submission.offer.cargo.spec.runtime is not Runtime.WASM:
        return
    module = await uploaded_module(edge, submission)
    cargo = publishable(submission, module)
    known = await edge.services.handler.state(CARGO, cargo.spec.slug)
    CARGO.decide(known, PublishCargo(cargo=cargo, now_ms=clock.now_ms()))
    if edge.compilations.locked():
        raise ApiError(ErrorCode.UNAVAILABLE, "other modules are being checked; repeat in a moment")
    async with edge.compilations:
        await check_compiles(module)


async def approve(edge: EdgeState, caller: Caller, submission: Submission, request_id: str) -> Decided:
    """Publishes the cargo and records the approval. Raises `ApiError` and `Rejected`."""
    command = ApproveSubmission(now_ms=clock.now_ms())
    SUBMISSION.decide(submission, command)
    runtime = submission.offer.cargo.spec.runtime
    if runtime is not Runtime.WASM:
        raise ApiError(
            ErrorCode.NOT_AVAILABLE, f"runtime_type: no island runs {runtime} yet; it stays pending"
        )
    if (await edge.services.handler.state(PERSON, submission.account_id)).is_banned:
        raise ApiError(ErrorCode.CONFLICT, "the publisher is banned; reject the submission instead")
    cargo = publishable(submission, await uploaded_module(edge, submission))
    origin = origin_of(caller, request_id)
    publication = PublishCargo(cargo=cargo, now_ms=command.now_ms)
    await publish(edge.services.handler, publication, origin)
    if submission.status is SubmissionStatus.SUSPENDED:
        lifted = EnableCargo(slug=cargo.spec.slug, now_ms=command.now_ms)
        await edge.services.handler.handle(CARGO, cargo.spec.slug, lifted, origin=step(origin, "enable"))
    return await edge.services.handler.handle(
        SUBMISSION, submission.submission_id, command, origin=step(origin, "approve")
    )


async def suspend(
    edge: EdgeState, caller: Caller, submission: Submission, reason: str, request_id: str
) -> Decided:
    """Stops every job of the cargo, whatever its version, and records why. Raises `Rejected`.

    The reason is for the publisher alone; what stands in the cargo and its jobs anybody may read.
    """
    command = SuspendSubmission(reason=reason, now_ms=clock.now_ms())
    SUBMISSION.decide(submission, command)
    slug = submission.offer.cargo.spec.slug
    stopped = DisableCargo(slug=slug, reason=SUSPENDED, now_ms=command.now_ms, is_killed=True)
    origin = origin_of(caller, request_id)
    await edge.services.handler.handle(CARGO, slug, stopped, origin=origin)
    return await edge.services.handler.handle(
        SUBMISSION, submission.submission_id, command, origin=step(origin, "suspend")
    )


def step(origin: Origin, name: str) -> Origin:
    """A further command of the same request."""
    return replace(origin, command_id=f"{origin.command_id}.{name}")


def publishable(submission: Submission, module: bytes) -> CargoVersion:
    """The version to publish, now that its size is known."""
    cargo = submission.offer.cargo
    return replace(cargo, spec=replace(cargo.spec, artifact_bytes=len(module)))


async def uploaded_module(edge: EdgeState, submission: Submission) -> bytes:
    """Raises `ApiError` (invalid) where nothing was uploaded, or no module."""
    digest = submission.offer.cargo.spec.artifact_digest
    module = await edge.services.artifacts.get(digest)
    if module is None:
        raise invalid(FIELD, f"upload the module first: PUT /api/v1/artifacts/{digest}")
    check_module(FIELD, module)
    return module


async def check_compiles(module: bytes) -> None:
    """Raises `ApiError`: invalid for what islands would refuse, unavailable where nothing can be compiled."""
    try:
        await compile_apart(module, COMPILE_BOUNDS)
    except Refused as refused:
        raise invalid(FIELD, f"islands would refuse it ({refused.code}): {refused.detail}") from refused
    except RuntimeBroken as fault:
        raise ApiError(ErrorCode.UNAVAILABLE, "the module cannot be checked here at the moment") from fault
