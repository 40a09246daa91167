"""Releases of the island program: taken once, never changed, the newest by its number."""

from dataclasses import replace
from typing import Final

import pytest

from domain.rejection import Rejection
from domain.release import RELEASE, PublishRelease, ReleasePublished, update_for
from tests.examples import at_ms
from tests.oversight_examples import RELEASED
from tests.scenario import Scenario

releases = Scenario(RELEASE)
publish: Final = PublishRelease(release=RELEASED.release, now_ms=at_ms(9))


def released(version: str) -> ReleasePublished:
    return replace(RELEASED, release=replace(RELEASED.release, version=version))


def test_a_release_is_published_once() -> None:
    releases.given().when(publish).then(RELEASED)
    releases.given(RELEASED).when(publish).then_nothing()


def test_a_version_never_becomes_another_file() -> None:
    other = replace(publish, release=replace(publish.release, checksum_sha256="c" * 64))
    releases.given(RELEASED).when(other).then_rejected(Rejection.VERSION_TAKEN)


@pytest.mark.parametrize(
    ("published", "running", "offered"),
    [
        (["0.2.0", "0.10.0", "0.9.9"], "0.9.9", "0.10.0"),
        (["0.2.0"], "0.2.0", None),
        (["0.2.0"], "0.3.0", None),
        (["1.0.0", "0.9.0"], "0.1.0", "1.0.0"),
        (["1.0.0"], "0.1.0.dev3", None),
        (["1.0.0"], "", None),
        ([], "0.1.0", None),
    ],
)
def test_the_newest_is_offered_to_what_is_older(
    published: list[str], running: str, offered: str | None
) -> None:
    found = update_for(RELEASE.fold(map(released, published)), running)
    assert (found.version if found else None) == offered
