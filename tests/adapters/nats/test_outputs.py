"""Chunks become output once, in order, and the first copy of each counts."""

import json

import pytest
from hypothesis import given, strategies
from nats.aio.client import Client

from adapters.nats import outputs, subjects
from adapters.nats.outputs import CONFLICTS_MAX, Assembly, Chunk, ChunkKind, Outputs, chunk_of
from adapters.nats.streams import create_streams
from commands.intake import Collected
from domain.ids import IslandId, JobId

ISLAND, JOB = IslandId("island-1"), JobId("job-1")


def token(seq: int, content: str = "", position: int = 0) -> Chunk:
    return Chunk(position=position, kind=ChunkKind.TOKEN, seq=seq, content=content or f"c{seq}")


def final(seq: int, position: int = 0) -> Chunk:
    return Chunk(position=position, kind=ChunkKind.FINAL, seq=seq)


def assembled(*chunks: Chunk) -> Collected:
    assembly = Assembly(after=0)
    for chunk in chunks:
        assembly.add(chunk)
    return assembly.collected(0)


@given(strategies.permutations([token(1), token(2), token(2), token(3), final(4)]))
def test_whatever_the_order_and_the_copies_the_output_is_the_same(chunks: list[Chunk]) -> None:
    found = assembled(*chunks)
    assert found == assembled(token(1), token(2), token(3), final(4))
    assert (found.is_complete, found.has_gap, found.conflicting) == (True, False, ())


@pytest.mark.parametrize(
    "chunks",
    [
        [token(1), token(2), token(1, "other", 7), final(3)],
        [token(1), token(3), token(3, "other", 7), token(2), final(4)],
        [token(1), final(2), token(1, "other", 7)],
        [token(1), final(2), token(2, "other", 7)],
        [token(1), token(2), final(2, position=7), final(3)],
    ],
    ids=["counted", "early", "after the end", "instead of the end", "an end for a chunk"],
)
def test_a_copy_that_differs_is_a_conflict_and_the_first_counts(chunks: list[Chunk]) -> None:
    honest = [chunk for chunk in chunks if chunk.position != 7]
    found, wanted = assembled(*chunks), assembled(*honest)
    assert found.conflicting == (7,)
    assert found.output == wanted.output


def test_what_is_told_of_conflicts_is_bounded() -> None:
    liar = [token(1, f"other {n}", position=n) for n in range(2, 3 * CONFLICTS_MAX)]
    assert len(assembled(token(1), *liar).conflicting) == CONFLICTS_MAX


def test_a_missing_chunk_is_a_gap_and_a_missing_end_is_none() -> None:
    assert assembled(token(1), token(3)).has_gap
    assert not assembled(token(1), token(2)).has_gap


@pytest.mark.parametrize("seq", [0, -1, -(10**30)])
def test_a_number_below_one_is_no_chunk(seq: int) -> None:
    assert assembled(token(seq)) == assembled()


def test_what_waits_for_a_missing_chunk_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "EARLY_BYTES_MAX", 10)
    hoarded = [token(seq, 4 * "x") for seq in range(3, 100)]
    assembly = Assembly(after=0)
    for chunk in [*hoarded, token(1)]:
        assembly.add(chunk)
    assert [chunk.seq for chunk in assembly.add(token(2))] == [2, 3, 4]
    assert [chunk.seq for chunk in assembly.add(token(5)) + assembly.add(token(6))] == [5, 6]


@given(strategies.binary(max_size=500))
def test_no_bytes_at_all_stop_a_reader(body: bytes) -> None:
    for kind in ("output", "progress"):
        assert chunk_of(f"host.island-1.{kind}", body, 1, "job-1") is None


@pytest.mark.parametrize("body", [60_000 * b"[", b'{"job_id":"\xff"}', b'{"job_id":' + 60_000 * b"[", b"NaN"])
def test_nested_and_unreadable_bytes_stop_no_reader(body: bytes) -> None:
    assert chunk_of("host.island-1.output", body, 1, "job-1") is None


async def test_a_conflict_is_told_by_its_place_in_the_stream(nats_client: Client) -> None:
    await create_streams(nats_client)
    for seq, text, is_final in [(1, "a", False), (1, "b", False), (2, "", True)]:
        body = {"job_id": JOB, "seq": seq, "chunk": text, "is_final": is_final}
        await nats_client.jetstream().publish(subjects.output(ISLAND), json.dumps(body).encode())
    found = await Outputs(nats_client).collect(ISLAND, JOB, 1, after=0, wait_s=0)
    assert (found.is_complete, found.conflicting, found.output.output_bytes) == (True, (2,), 1)
