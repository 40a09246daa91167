"""Signed checkpoints of the log, and proofs that end in one. Nobody has to trust an answer: all of it is verified.

A checkpoint is for everybody. Proofs say nothing of a commit but its hash, so any key may ask for any position.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from adapters.postgres.tree_store import TreeBehind
from api.answers import answer
from api.authorization import Anyone, Reader
from api.edge import Edge, EdgeState
from api.errors import ApiError, ErrorCode, invalid
from api.request_fields import POSITION_MAX
from api.schemas.audit import Checkpoint, ConsistencyProof, InclusionProof
from api.schemas.forms import with_data
from api.shapes.proof import checkpoint_shape, path_shape
from api.strict_json import StrictRoute
from commands.merkle import leaf_hash
from commands.raw_commit import leaf_bytes
from projections.checkpoints import CheckpointRow

router = APIRouter(prefix="/audit", tags=["proofs"], route_class=StrictRoute)

REPEAT_S: Final = 60
TreeSize = Annotated[
    int | None,
    Query(ge=1, le=POSITION_MAX, description="Commits that the checkpoint covers. Default: the newest."),
]


@router.get("/checkpoint", response_model=with_data(Checkpoint))
async def show_checkpoint(_: Anyone, edge: Edge, tree_size: TreeSize = None) -> Response:
    """Show the newest signed checkpoint, or the one over so many commits. Keep a copy: it proves the log later."""
    shape = checkpoint_shape(await checkpoint_of(edge, tree_size))
    return answer({**shape, "data": shape})


@router.get("/proof/inclusion", response_model=with_data(InclusionProof))
async def prove_inclusion(
    _: Reader,
    edge: Edge,
    position: Annotated[int, Query(ge=1, le=POSITION_MAX, description="Position of a commit.")],
    tree_size: TreeSize = None,
) -> Response:
    """Prove that a commit is in the log that a checkpoint covers (RFC 9162, 2.1.3); leaf index is position - 1."""
    checkpoint = await checkpoint_of(edge, tree_size)
    if position > checkpoint.tree_size:
        raise invalid("position", f"the checkpoint covers {checkpoint.tree_size}; ask again in a few minutes")
    try:
        path = await edge.services.proofs.inclusion(position, checkpoint.tree_size)
    except TreeBehind as behind:
        raise unavailable() from behind
    commit = await edge.services.proofs.commit(position)
    shape = {
        "position": position,
        "leaf_hash": leaf_hash(leaf_bytes(commit)).hex(),
        "path": path_shape(path),
        "checkpoint": checkpoint_shape(checkpoint),
    }
    return answer({**shape, "data": shape})


@router.get("/proof/consistency", response_model=with_data(ConsistencyProof))
async def prove_consistency(
    _: Reader,
    edge: Edge,
    old: Annotated[int, Query(alias="from", ge=1, le=POSITION_MAX, description="Size of the older tree.")],
    new: Annotated[
        int | None,
        Query(alias="to", ge=1, le=POSITION_MAX, description="Size of the newer. Default: the newest."),
    ] = None,
) -> Response:
    """Prove that the log of one checkpoint is the beginning of the log of a later one (RFC 9162, 2.1.4)."""
    later = await checkpoint_of(edge, new)
    if old > later.tree_size:
        raise invalid("from", f"must be at most {later.tree_size}, the size of the newer tree")
    earlier = await checkpoint_of(edge, old)
    try:
        path = await edge.services.proofs.consistency(earlier.tree_size, later.tree_size)
    except TreeBehind as behind:
        raise unavailable() from behind
    shape = {
        "from": checkpoint_shape(earlier),
        "to": checkpoint_shape(later),
        "path": path_shape(path),
    }
    return answer({**shape, "data": shape})


async def checkpoint_of(edge: EdgeState, tree_size: int | None) -> CheckpointRow:
    """Raises `ApiError` (not_found, unavailable)."""
    reads = edge.services.proofs.checkpoints
    if tree_size is not None:
        if (row := await reads.of_size(tree_size)) is None:
            raise ApiError(
                ErrorCode.NOT_FOUND, f"tree_size: no checkpoint covers exactly {tree_size} commits"
            )
        return row
    if (row := await reads.newest()) is None:
        raise ApiError(ErrorCode.NOT_FOUND, "no checkpoint is signed yet; ask again in a few minutes")
    return row


def unavailable() -> ApiError:
    return ApiError(
        ErrorCode.UNAVAILABLE,
        "the tree over the log is being made again; repeat later",
        retry_after_s=REPEAT_S,
    )
