"""What comparing its results tells of an island. The part of `domain.island` that counts valid results in a row.

Asked by the checking process after a verdict. Each result counts once. How often an island is checked follows from the
count: see `domain.check_draw`. Points are another matter: `domain.island_karma`.
"""

from domain.island_commands import ConfirmResult, ContradictResult
from domain.island_events import IslandEvent, ResultConfirmed, ResultContradicted
from domain.island_state import Island, judgement


def confirm(island: Island, command: ConfirmResult) -> list[IslandEvent]:
    if judgement(command.job_id, command.attempt) in island.compared:
        return []
    return [
        ResultConfirmed(
            island_id=command.island_id,
            runtime=command.runtime,
            in_row=island.valid_in_row.get(command.runtime, 0) + 1,
            job_id=command.job_id,
            attempt=command.attempt,
            confirmed_at_ms=command.now_ms,
        )
    ]


def contradict(island: Island, command: ContradictResult) -> list[IslandEvent]:
    """It starts anew, and what it delivered lately is looked at again."""
    if judgement(command.job_id, command.attempt) in island.compared:
        return []
    return [
        ResultContradicted(
            island_id=command.island_id,
            runtime=command.runtime,
            job_id=command.job_id,
            attempt=command.attempt,
            doubted=island.unchecked.get(command.runtime, ()),
            contradicted_at_ms=command.now_ms,
        )
    ]
