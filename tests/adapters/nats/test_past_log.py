"""The running log, an exported file and a list are one past: whoever reads any of them reads the same."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from nats.aio.client import Client

from adapters.exported_log import ExportedLog, PartialExport
from adapters.log_export import Header, write_export
from adapters.nats import past_log
from adapters.nats.accounts.roles import Role
from adapters.nats.event_log import JetStreamEventLog
from adapters.nats.past_log import JetStreamPastLog
from adapters.nats.raw_log import RawLog
from adapters.nats.restoring import restored
from commands.event_log import Commit
from commands.raw_commit import RawCommit
from commands.reports.past_log import EVERY_CATEGORY, PastLog
from tests.fabric import Fabric
from tests.past_logs import ListedPast, export, in_one_batch, raws_of
from tests.paying_histories import paying_history

JOBS = 8


@pytest.fixture
async def reader(jetstream_log: JetStreamEventLog, fabric: Fabric) -> AsyncIterator[Client]:
    """Connected as a report is: it may read the log and nothing else."""
    versions: dict[str, int] = {}
    for commit in paying_history(JOBS):
        versions[commit.stream] = await jetstream_log.append(
            commit.stream, commit.events, expected=versions.get(commit.stream, 0), origin=commit.origin
        )
    async with fabric.connected(Role.PROJECTOR) as client:
        yield client


async def recorded(reader: Client) -> list[Commit]:
    return [commit async for batch in JetStreamEventLog(reader).read(after=0) for commit in batch]


async def pasts(reader: Client, folder: Path) -> list[PastLog]:
    raws = [raw async for batch in RawLog(reader).read(after=0) for raw in batch]
    file = await export(folder / "log", raws)
    return [JetStreamPastLog(reader), ExportedLog(file), ListedPast(await recorded(reader))]


async def of_category(past: PastLog, category: str, after: int, up_to: int) -> list[Commit]:
    return [one async for batch in past.read_category(category, after=after, up_to=up_to) for one in batch]


async def of_streams(past: PastLog, streams: Sequence[str], after: int, up_to: int) -> list[Commit]:
    found = [one async for batch in past.read_streams(streams, after=after, up_to=up_to) for one in batch]
    assert all(
        [one.position for one in found if one.stream == stream]
        == sorted(one.position for one in found if one.stream == stream)
        for stream in streams
    )
    return sorted(found, key=lambda one: one.position)


async def test_every_past_answers_alike(reader: Client, tmp_path: Path) -> None:
    on_jetstream, in_file, in_list = await pasts(reader, tmp_path)
    last = await in_list.last_position()
    assert last > 100
    jobs = sorted({one.stream for one in await recorded(reader) if one.stream.startswith("job.")})
    for past in (on_jetstream, in_file):
        assert await past.last_position() == last
        for after, up_to in ((0, last), (last // 2, last), (3, last // 3), (last, last)):
            for category in ("account", "job", EVERY_CATEGORY):
                expected = await of_category(in_list, category, after, up_to)
                assert await of_category(past, category, after, up_to) == expected
            for streams in (jobs[:1], jobs, ["account.account-0", *jobs[:2]], ["job.nobody"]):
                expected = await of_streams(in_list, streams, after, up_to)
                assert await of_streams(past, streams, after, up_to) == expected


async def test_many_aggregates_are_scanned_for_and_few_are_asked_for(
    reader: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_jetstream, _, in_list = await pasts(reader, tmp_path)
    last = await in_list.last_position()
    streams = sorted({one.stream for one in await recorded(reader)})
    expected = await of_streams(in_list, streams, 2, last)
    for price in (0, 1_000_000):
        monkeypatch.setattr(past_log, "SCANNED_FOR_ONE", price)
        assert await of_streams(on_jetstream, streams, 2, last) == expected


async def test_a_time_is_found_wherever_it_lies(reader: Client, tmp_path: Path) -> None:
    on_jetstream, in_file, in_list = await pasts(reader, tmp_path)
    times = sorted({one.recorded_at_ms for one in await recorded(reader)})
    for at_ms in (0, times[0], *times[1::40], times[-1], times[-1] + 1):
        expected = await in_list.first_at(at_ms)
        assert await on_jetstream.first_at(at_ms) == expected
        assert await in_file.first_at(at_ms) == expected
    assert await on_jetstream.first_at(times[-1] + 1) is None


async def test_an_export_that_begins_later_cannot_be_reported_from(tmp_path: Path) -> None:
    later = raws_of(paying_history(1))[2:5]
    header = Header(first=3, last=5, exported_at="2027-04-01T00:00:00Z")
    await write_export(tmp_path / "log", header, in_one_batch(later))
    with pytest.raises(PartialExport, match="position 3"):
        ExportedLog(tmp_path / "log")


@pytest.fixture
async def restored_log(jetstream_log: JetStreamEventLog, fabric: Fabric) -> AsyncIterator[Client]:
    """Connected as who restores a log, to an empty one."""
    async with fabric.connected(Role.DEPLOY) as client:
        yield client


async def test_a_month_of_a_restored_log_is_found_where_it_was_and_so_are_times_out_of_order(
    restored_log: Client, fabric: Fabric
) -> None:
    commits = list(paying_history(JOBS))
    ahead = range(5, len(commits) - 5, 11)
    for number in ahead:  # Recorded by a server whose clock is a little ahead of the next one's.
        next_ms = commits[number + 1].recorded_at_ms
        commits[number] = replace(commits[number], recorded_at_ms=next_ms + 5)
    await restored(restored_log, in_commits(raws_of(commits)), untold)
    in_list = ListedPast(commits)
    async with fabric.connected(Role.PROJECTOR) as client:
        on_jetstream = JetStreamPastLog(client)
        for number in (*ahead, 0, len(commits) - 1):
            for at_ms in (commits[number].recorded_at_ms, commits[number].recorded_at_ms + 1):
                assert await on_jetstream.first_at(at_ms) == await in_list.first_at(at_ms)


async def in_commits(raws: Sequence[RawCommit]) -> AsyncIterator[RawCommit]:
    for raw in raws:
        yield raw


def untold(position: int) -> None:
    """Nobody waits for it."""
