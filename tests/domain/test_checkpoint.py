"""Checkpoints: each covers more than the one before, and its signature stands under every part of it."""

from dataclasses import replace

import pytest

from domain.checkpoint import CHECKPOINT, RecordCheckpoint, text_of
from tests.checkpoint_examples import SIGNED
from tests.scenario import Scenario


def test_a_checkpoint_is_recorded_as_it_was_signed() -> None:
    Scenario(CHECKPOINT).when(RecordCheckpoint(checkpoint=SIGNED)).then(SIGNED)


@pytest.mark.parametrize("tree_size", [6, 7])
def test_a_checkpoint_that_covers_no_more_than_the_newest_is_not_recorded(tree_size: int) -> None:
    late = replace(SIGNED, tree_size=tree_size, root="00" * 32)
    Scenario(CHECKPOINT).given(SIGNED).when(RecordCheckpoint(checkpoint=late)).then_nothing()


def test_a_larger_checkpoint_follows() -> None:
    larger = replace(SIGNED, tree_size=8)
    Scenario(CHECKPOINT).given(SIGNED).when(RecordCheckpoint(checkpoint=larger)).then(larger)


@pytest.mark.parametrize(
    "changed",
    [
        replace(SIGNED, tree_size=8),
        replace(SIGNED, root="00" * 32),
        replace(SIGNED, chain_head="00" * 32),
        replace(SIGNED, ledger_position=6),
        replace(SIGNED, ledger_digest=""),
        replace(SIGNED, signed_at_ms=1),
    ],
)
def test_the_signature_stands_under_every_part(changed: object) -> None:
    assert isinstance(changed, type(SIGNED))
    assert text_of(changed) != text_of(SIGNED)


def test_what_is_signed_is_one_fixed_text() -> None:
    assert text_of(replace(SIGNED, signed_at_ms=9)) == (
        b"archipelago checkpoint 1\n7\n" + b"ab" * 32 + b"\n" + b"cd" * 32 + b"\n5\n" + b"ef" * 32 + b"\n9\n"
    )
