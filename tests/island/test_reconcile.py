"""The plan: what is done, what is left alone, and that nothing is done twice."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from adapters.runtime.contract import Stop
from domain.failure import ReturnReason
from domain.ids import JobId
from island.attempt_key import AttemptKey
from island.reconcile import (
    LEASE_S,
    RENEWAL_S,
    Action,
    Desired,
    Forget,
    GiveBack,
    Phase,
    RenewLease,
    Running,
    StartAttempt,
    StopAttempt,
    plan,
)


def key(job_id: str = "job-1", attempt: int = 1) -> AttemptKey:
    return AttemptKey(job_id=JobId(job_id), attempt=attempt)


def working(one: AttemptKey | None = None, leased_at_s: float = 0.0) -> Running:
    return Running(key=one or key(), phase=Phase.WORKING, leased_at_s=leased_at_s)


KEYS = st.builds(key, st.sampled_from(["a", "b", "c"]), st.integers(1, 3))
RUNNING = st.lists(
    st.builds(
        Running,
        key=KEYS,
        phase=st.sampled_from(Phase),
        leased_at_s=st.floats(0, 100),
        is_renewing=st.booleans(),
    ),
    unique_by=lambda one: one.key,
    max_size=6,
)


@st.composite
def pictures(draw: st.DrawFn) -> tuple[Desired, list[Running], float]:
    """What is running was assigned, as the agent sees to it."""
    running = draw(RUNNING)
    assigned = dict.fromkeys([one.key for one in running] + draw(st.lists(KEYS, max_size=6)))
    desired = Desired(
        assigned=tuple(assigned),
        slots=draw(st.integers(1, 8)),
        cancelled=draw(st.frozensets(KEYS, max_size=4)),
        is_draining=draw(st.booleans()),
        give_back_at_s=draw(st.none() | st.floats(0, 100)),
    )
    return desired, running, draw(st.floats(0, 200))


def after(
    actions: list[Action], desired: Desired, running: list[Running], now_s: float
) -> tuple[Desired, list[Running]]:
    """The picture once everything planned has been done."""
    here = {one.key: one for one in running}
    assigned = list(desired.assigned)
    for action in actions:
        match action:
            case StartAttempt(key=one):
                here[one] = working(one, now_s)
            case StopAttempt(key=one):
                here[one] = replace(here[one], phase=Phase.STOPPING)
            case RenewLease(key=one):
                here[one] = replace(here[one], is_renewing=True)
            case GiveBack(key=one) | Forget(key=one):
                here.pop(one, None)
                assigned.remove(one)
    return replace(desired, assigned=tuple(assigned)), list(here.values())


@given(pictures())
def test_it_comes_to_rest_once_everything_planned_was_done(
    picture: tuple[Desired, list[Running], float],
) -> None:
    desired, running, now_s = picture
    for _ in range(3):
        desired, running = after(plan(desired, running, now_s), desired, running, now_s)
    assert plan(desired, running, now_s) == []


@given(pictures())
def test_an_attempt_gets_at_most_one_action(picture: tuple[Desired, list[Running], float]) -> None:
    keys = [action.key for action in plan(*picture)]
    assert len(keys) == len(set(keys))


@given(pictures())
def test_it_never_runs_more_than_it_has_slots(picture: tuple[Desired, list[Running], float]) -> None:
    desired, running, _ = picture
    started = [action for action in plan(*picture) if isinstance(action, StartAttempt)]
    assert not started or len(running) + len(started) <= desired.slots


@given(pictures())
def test_nothing_works_on_with_a_lost_lease(picture: tuple[Desired, list[Running], float]) -> None:
    _, running, now_s = picture
    stopped = {action.key for action in plan(*picture) if isinstance(action, StopAttempt)}
    for one in running:
        if one.phase is Phase.WORKING and now_s - one.leased_at_s >= LEASE_S:
            assert one.key in stopped


def test_all_is_well_and_nothing_is_planned() -> None:
    assert plan(Desired(assigned=(key(),), slots=1), [working()], RENEWAL_S - 0.1) == []


def test_what_is_assigned_and_not_there_is_started() -> None:
    desired = Desired(assigned=(key(), key("job-2")), slots=2)
    assert plan(desired, [], 0.0) == [StartAttempt(key=key()), StartAttempt(key=key("job-2"))]


def test_what_finds_no_slot_is_given_back() -> None:
    desired = Desired(assigned=(key(), key("job-2")), slots=1)
    assert plan(desired, [], 0.0) == [
        StartAttempt(key=key()),
        GiveBack(key=key("job-2"), reason=ReturnReason.CAPACITY),
    ]


def test_nothing_is_begun_while_draining() -> None:
    desired = Desired(assigned=(key(),), slots=1, is_draining=True)
    assert plan(desired, [], 0.0) == [GiveBack(key=key(), reason=ReturnReason.DRAIN)]


def test_draining_lets_work_end_until_its_time_is_over() -> None:
    desired = Desired(assigned=(key(),), slots=1, is_draining=True, give_back_at_s=20.0)
    assert plan(desired, [working()], 19.9) == []
    assert plan(desired, [working()], 20.0) == [StopAttempt(key=key(), why=Stop.DRAINING)]


def test_a_lease_is_renewed_once_at_half_its_time() -> None:
    desired = Desired(assigned=(key(),), slots=1)
    assert plan(desired, [working()], RENEWAL_S) == [RenewLease(key=key())]
    assert plan(desired, [replace(working(), is_renewing=True)], RENEWAL_S) == []


def test_a_lease_that_could_not_be_renewed_is_lost_at_its_end() -> None:
    desired = Desired(assigned=(key(),), slots=1)
    waiting = replace(working(), is_renewing=True)
    assert plan(desired, [waiting], LEASE_S - 0.1) == []
    assert plan(desired, [waiting], LEASE_S) == [StopAttempt(key=key(), why=Stop.LEASE_LOST)]


def test_a_cancelled_attempt_is_stopped() -> None:
    desired = Desired(assigned=(key(),), slots=1, cancelled=frozenset({key()}))
    assert plan(desired, [working()], 0.0) == [StopAttempt(key=key(), why=Stop.CANCELLED)]


def test_a_cancelled_attempt_that_never_began_is_forgotten() -> None:
    assert plan(Desired(assigned=(key(),), slots=1, cancelled=frozenset({key()})), [], 0.0) == [
        Forget(key=key())
    ]


def test_a_newer_attempt_of_the_job_ends_the_older_one() -> None:
    desired = Desired(assigned=(key(), key(attempt=2)), slots=2)
    assert plan(desired, [working()], 0.0) == [
        StartAttempt(key=key(attempt=2)),
        StopAttempt(key=key(), why=Stop.LEASE_LOST),
    ]


def test_an_attempt_that_reports_is_left_alone() -> None:
    desired = Desired(assigned=(key(),), slots=1, cancelled=frozenset({key()}), give_back_at_s=0.0)
    assert plan(desired, [replace(working(), phase=Phase.REPORTING)], 1000.0) == []


def test_what_has_ended_is_forgotten() -> None:
    assert plan(Desired(assigned=(key(),), slots=1), [replace(working(), phase=Phase.ENDED)], 0.0) == [
        Forget(key=key())
    ]
