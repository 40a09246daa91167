"""Following an application of the `eventsourcing` library: woken by what is recorded, and looking by itself too.

Made by the recorder's `subscribe`.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from eventsourcing.persistence import ApplicationRecorder, Notification, Subscription

WAKE_S: Final = 1.0
PAGE_NOTIFICATIONS: Final = 500

R = TypeVar("R", bound=ApplicationRecorder)


class WokenSubscription(Subscription[R]):
    """Waits for what is recorded next. Stop it when done; leaving its context does."""

    def __init__(
        self,
        recorder: R,
        gt: int | None,
        topics: Sequence[str],
        *,
        woken: threading.Event,
        let_sleep: Callable[[], None],
    ) -> None:
        """`woken` is set by others whenever something is recorded, until `let_sleep` is called."""
        super().__init__(recorder=recorder, gt=gt, topics=topics)
        self._waiting: deque[Notification] = deque()
        self._woken = woken
        self._let_sleep = let_sleep

    def __next__(self) -> Notification:
        while not self._waiting and not self._has_been_stopped:
            self._woken.clear()
            self._waiting.extend(
                self._recorder.select_notifications(
                    self._last_notification_id or 0,
                    PAGE_NOTIFICATIONS,
                    topics=self._topics,
                    inclusive_of_start=False,
                )
            )
            if not self._waiting:
                self._woken.wait(WAKE_S)
        if self._has_been_stopped:
            raise StopIteration
        notification = self._waiting.popleft()
        self._last_notification_id = notification.id
        return notification

    def stop(self) -> None:
        if not self._has_been_stopped:
            super().stop()
            self._let_sleep()
            self._woken.set()
