"""Who has not been heard of for 35 seconds is offline, unless it was us who could not hear."""

from commands.event_log import Commit
from commands.process import Order
from commands.processes.liveness import OFFLINE_AFTER_MS, Liveness, Picture
from domain.island import ISLAND as ISLAND_DECIDER
from domain.island_commands import MarkOffline
from domain.island_events import Absence, IslandWentOffline
from tests.examples import ISLAND, T0_MS, at_ms, came_online, enrolled, origin, registered, removed

OFFLINE_S = OFFLINE_AFTER_MS / 1000


def commit(position: int, *events: object) -> Commit:
    return Commit(
        position=position,
        stream=f"island.{ISLAND}",
        events=events,
        recorded_at_ms=T0_MS,
        origin=origin(f"c{position}"),
    )


def mark_offline(seconds: float) -> list[Order]:
    command = MarkOffline(island_id=ISLAND, now_ms=at_ms(seconds))
    return [Order(decider=ISLAND_DECIDER, aggregate_id=ISLAND, command=command)]


def listening(since_s: float = 0) -> Liveness:
    """Liveness that knows one island, online since the beginning."""
    liveness = Liveness()
    liveness.take(commit(1, *enrolled(), registered(), came_online()))
    liveness.listening_since(at_ms(since_s))
    return liveness


def test_silence_of_35_seconds_is_an_absence() -> None:
    assert OFFLINE_S == 35
    liveness = listening()
    assert liveness.plan(at_ms(OFFLINE_S - 0.001)) == []
    assert liveness.plan(at_ms(OFFLINE_S)) == mark_offline(OFFLINE_S)


def test_every_heartbeat_gives_a_full_period() -> None:
    liveness = listening()
    liveness.heard(ISLAND, at_ms(30))
    assert liveness.plan(at_ms(30 + OFFLINE_S - 0.001)) == []
    assert liveness.plan(at_ms(30 + OFFLINE_S)) == mark_offline(30 + OFFLINE_S)


def test_heartbeats_that_overtake_each_other_do_not_shorten_the_period() -> None:
    liveness = listening()
    liveness.heard(ISLAND, at_ms(30))
    liveness.heard(ISLAND, at_ms(20))
    assert liveness.last_heard_ms(ISLAND) == at_ms(30)
    assert liveness.plan(at_ms(20 + OFFLINE_S)) == []


def test_nobody_is_judged_before_we_can_hear() -> None:
    liveness = Liveness()
    liveness.take(commit(1, *enrolled(), came_online()))
    assert liveness.plan(at_ms(10_000)) == []
    liveness.listening_since(at_ms(10_000))
    assert liveness.plan(at_ms(10_000 + OFFLINE_S - 0.001)) == []
    assert liveness.plan(at_ms(10_000 + OFFLINE_S)) == mark_offline(10_000 + OFFLINE_S)


def test_after_our_own_silence_everybody_gets_a_full_period() -> None:
    liveness = listening()
    liveness.listening_since(at_ms(34))
    assert liveness.plan(at_ms(34 + OFFLINE_S - 0.001)) == []


def test_who_was_removed_is_not_missed() -> None:
    liveness = listening()
    liveness.take(commit(2, removed()))
    assert liveness.plan(at_ms(OFFLINE_S)) == []
    assert liveness.picture == Picture(position=2)


def test_who_is_offline_already_is_left_alone_until_it_returns() -> None:
    liveness = listening()
    gone = IslandWentOffline(island_id=ISLAND, reason=Absence.GOODBYE, offline_at_ms=at_ms(5))
    liveness.take(commit(2, gone))
    assert liveness.plan(at_ms(500)) == []
    liveness.take(commit(3, came_online(seconds=500)))
    assert liveness.plan(at_ms(501)) == []
    assert liveness.plan(at_ms(500 + OFFLINE_S)) == mark_offline(500 + OFFLINE_S)


def test_a_picture_that_was_saved_is_taken_up_where_it_was() -> None:
    before = listening()
    after = Liveness(Picture(position=before.picture.position, online=dict(before.picture.online)))
    assert after.picture.position == 1
    after.listening_since(at_ms(0))
    assert after.plan(at_ms(OFFLINE_S)) == mark_offline(OFFLINE_S)
