"""What happens to a batch, told as it happens: how many of its parts have ended, and at last their merged output.

Used by the SSE streams as `api.job_story` is. Told from the batch's own facts in the log; the parts' outputs are read
once they all lie there.
"""

from collections.abc import AsyncGenerator
from typing import Final

from api.attempt_telling import Ended, Moment, Resume, Step, Stood, Text
from api.changes import of_batch
from api.edge import JOBS, EdgeState
from api.job_text import result_of
from api.recorded_job import RecordedJob
from api.shapes.batch import facts_in
from api.shapes.job import ENDED
from domain.ids import JobId

WHOLE: Final = 1  # A batch has one chunk, told when there is nothing more to come.


class BatchStory:
    def __init__(self, edge: EdgeState, batch_id: JobId, resume: Resume) -> None:
        self._edge = edge
        self._batch_id = batch_id
        self._after = resume.after
        self._has_text = resume.after_seq >= WHOLE

    async def moments(self) -> AsyncGenerator[Moment]:
        """Ends with `Ended`. The batch must exist. Positions are those of the log."""
        with self._edge.changes.watch(of_batch(self._batch_id)) as watch:
            batch = await RecordedJob.load_batch(self._edge.services.log, self._batch_id)
            state, ended_parts = None, 0
            while True:
                row = batch.row
                assert row is not None, "only a batch that exists has a story"
                facts = facts_in(row)
                if row.state is not state:
                    state = row.state
                    yield Stood(state=state)
                if facts.ended > ended_parts and batch.version > self._after:
                    ended_parts = facts.ended
                    yield Step(position=batch.version, attempt=0, step=facts.ended, total=len(facts.parts))
                if row.state in ENDED:
                    break
                await watch.behind(batch.version)
                await batch.refresh()
            await self._edge.settle(JOBS, batch.version)
            text = await result_of(self._edge, row)
            if text and not self._has_text and batch.version > self._after:
                yield Text(position=batch.version, attempt=0, seq=WHOLE, content=text)
            yield Ended(row=row)
