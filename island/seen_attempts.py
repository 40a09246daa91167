"""The newest attempt of each job that was ever handed to this island, so that none is run twice.

A job message may come again: its acknowledgement got lost, or a daemon that died had not sent it.
"""

from collections import OrderedDict
from typing import Final

from domain.ids import JobId
from island.attempt_key import AttemptKey

SEEN_MAX: Final = 20_000
"""The queue keeps a message for 65 s; no island starts 300 jobs a second."""


class SeenAttempts:
    def __init__(self) -> None:
        self._newest: OrderedDict[JobId, int] = OrderedDict()

    def __contains__(self, key: AttemptKey) -> bool:
        """This attempt or a later one of the same job."""
        return self._newest.get(key.job_id, 0) >= key.attempt

    def add(self, key: AttemptKey) -> None:
        self._newest[key.job_id] = key.attempt
        self._newest.move_to_end(key.job_id)
        if len(self._newest) > SEEN_MAX:
            self._newest.popitem(last=False)
