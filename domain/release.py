"""Releases of the island program for one platform: which there are, and which is the newest.

Published by operators over `/admin/agent-releases`; the file was uploaded before and its signature checked. A version
never changes afterwards: islands that have it must be able to tell.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from domain.decider import Decider
from domain.rejection import Rejected, Rejection

PLATFORMS: Final = (
    "linux-x86_64",
    "linux-aarch64",
    "darwin-x86_64",
    "darwin-aarch64",
    "windows-x86_64",
    "android-aarch64",
    "ios-aarch64",
)
VERSION: Final = r"^(0|[1-9][0-9]{0,5})(\.(0|[1-9][0-9]{0,5})){2}$"
RELEASES_MAX: Final = 10_000  # Of one platform; each is a fact for ever.


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRelease:
    """`signature` is Ed25519 over the file, in hex, by a release key of the network; `checksum_sha256` is hex too."""

    platform: str
    version: str
    download_url: str
    signature: str
    checksum_sha256: str
    size_bytes: int
    is_critical: bool = False
    release_notes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePublished:
    release: AgentRelease
    published_at_ms: int


ReleaseEvent = ReleasePublished


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishRelease:
    release: AgentRelease
    now_ms: int


ReleaseCommand = PublishRelease


@dataclass(frozen=True, slots=True, kw_only=True)
class Releases:
    """`checksums` by version."""

    newest: AgentRelease | None = None
    checksums: Mapping[str, str] = field(default_factory=dict)


def numbers_of(version: str) -> tuple[int, ...] | None:
    """A version as what it is compared by; None for what is no version of a release."""
    return tuple(map(int, version.split("."))) if re.fullmatch(VERSION, version) else None


def update_for(releases: Releases, version: str) -> AgentRelease | None:
    """The newest release where it is newer than `version`; none for a program whose version is not ours."""
    newest, running = releases.newest, numbers_of(version)
    if newest is None or running is None:
        return None
    return newest if (numbers_of(newest.version) or ()) > running else None


def decide(releases: Releases, command: ReleaseCommand) -> list[ReleaseEvent]:
    release = command.release
    assert numbers_of(release.version) is not None
    known = releases.checksums.get(release.version)
    if known == release.checksum_sha256:
        return []
    if known is not None:
        raise Rejected(Rejection.VERSION_TAKEN, f"version: {release.version} is another file already")
    if len(releases.checksums) >= RELEASES_MAX:
        raise Rejected(Rejection.RELEASES_EXCEEDED, f"at most {RELEASES_MAX} releases of a platform")
    return [ReleasePublished(release=release, published_at_ms=command.now_ms)]


def evolve(releases: Releases, event: ReleaseEvent) -> Releases:
    release, newest = event.release, releases.newest
    is_newer = newest is None or (numbers_of(release.version) or ()) > (numbers_of(newest.version) or ())
    return replace(
        releases,
        newest=release if is_newer else newest,
        checksums={**releases.checksums, release.version: release.checksum_sha256},
    )


RELEASE: Final[Decider[ReleaseCommand, Releases, ReleaseEvent]] = Decider(
    "release", Releases(), decide, evolve
)
