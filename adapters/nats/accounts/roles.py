"""What each of our own components may say and hear on NATS. Nobody here can touch a stream's settings or its past.

Written into the users' documents at deployment. `deploy` is the exception: a person's key, used when streams are made
and at no other time. Every role has its own inbox, so no component hears another's answers.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from adapters.nats import subjects

SECOND_NS: Final = 1_000_000_000
ANSWER_S: Final = 2
DOCUMENTS_ANSWER_S: Final = 8  # The registrar may wait five seconds for the fact that is asked about.


class Home(StrEnum):
    """The account a role lives in."""

    CORE = "core"
    SYSTEM = "system"
    DOOR = "door"


class Role(StrEnum):
    COORDINATOR = "coordinator"  # Appends facts, takes in claims, speaks to islands.
    PROJECTOR = "projector"  # Reads facts.
    API = "api"  # Reads output and rejections, keeps artifacts, asks the registrar for documents.
    EDGE = "edge"  # Answers islands' pings and requests for pairing; hears of floods.
    REGISTRAR = "registrar"  # Changes islands' accounts; ends connections.
    REGISTRAR_CORE = "registrar-core"  # Reads facts about islands, makes their durables, hands out documents.
    DOOR = "door"  # Judges passwords.
    DOOR_CORE = "door-core"  # Reads facts about islands.
    ERASER = "eraser"  # Deletes the keys of who is forgotten.
    AUDITOR = "auditor"  # Compares replicas.
    APPLICATION = (
        "application"  # Keeps aggregates of the `eventsourcing` library; has nothing to do with facts.
    )
    DEPLOY = "deploy"  # A person, when streams are made.


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """`answers_within_s`: may reply once to whoever asked, for that long."""

    home: Home
    publish: tuple[str, ...]
    subscribe: tuple[str, ...] = ()
    answers_within_s: int = 0

    def limits(self) -> dict[str, Any]:
        if not self.answers_within_s:
            return {}
        return {"resp": {"max": 1, "ttl": self.answers_within_s * SECOND_NS}}


def api(*calls: str) -> tuple[str, ...]:
    return tuple(f"$JS.API.{call}" for call in calls)


def reads(stream: str) -> tuple[str, ...]:
    """Direct gets of one stream."""
    return api(f"DIRECT.GET.{stream}")


def follows(stream: str) -> tuple[str, ...]:
    """A consumer of its own on one stream, without a name, which the server forgets by itself."""
    return api(f"STREAM.INFO.{stream}", f"CONSUMER.CREATE.{stream}", f"CONSUMER.MSG.NEXT.{stream}.*")


def takes_in(stream: str) -> tuple[str, ...]:
    """The intake's durable on one claim stream."""
    return (
        *api(f"CONSUMER.MSG.NEXT.{stream}.{subjects.INTAKE}", f"CONSUMER.INFO.{stream}.{subjects.INTAKE}"),
        f"$JS.ACK.{stream}.{subjects.INTAKE}.>",
        f"$JS.ACK.*.*.{stream}.{subjects.INTAKE}.>",
    )


def makes_keys() -> tuple[str, ...]:
    """Reads and writes keys of personal texts. The stream takes one a subject, so none is ever replaced."""
    return ("subject_key.*", *api(f"STREAM.MSG.GET.{subjects.SUBJECT_KEYS}"))


def deletes(stream: str) -> tuple[str, ...]:
    """Single messages of one stream, overwritten on the disk."""
    return api(f"STREAM.MSG.DELETE.{stream}")


PERMISSIONS: Final = {
    Role.COORDINATOR: Permissions(
        home=Home.CORE,
        publish=(
            "evt.*.*",
            "host.*.jobs",
            "host.*.cancel",
            "host.*.preload",
            "advisory.claim_rejected.*.*",
            *makes_keys(),
            *reads(subjects.EVT),
            *api(f"STREAM.MSG.GET.{subjects.EVT}", f"STREAM.INFO.{subjects.EVT}"),
            *reads(subjects.JOB_OUTPUT),
            *takes_in(subjects.JOB_STATUS),
            *takes_in(subjects.HEARTBEATS),
            *follows(subjects.HEARTBEATS),
        ),
    ),
    Role.PROJECTOR: Permissions(home=Home.CORE, publish=(*reads(subjects.EVT), *follows(subjects.EVT))),
    Role.API: Permissions(
        home=Home.CORE,
        publish=(
            *reads(subjects.JOB_OUTPUT),
            *follows(subjects.JOB_OUTPUT),
            *reads(subjects.ADVISORIES),
            *reads(subjects.ARTIFACTS),
            "artifact.*.*",
            "registrar.documents.*",
        ),
    ),
    Role.EDGE: Permissions(
        home=Home.CORE,
        publish=(),
        subscribe=("host.*.ping", "host.*.pong", "coordinator.hosts.pairing.*", "registrar.floods.*"),
        answers_within_s=ANSWER_S,
    ),
    Role.REGISTRAR: Permissions(
        home=Home.SYSTEM,
        publish=(
            "$SYS.REQ.CLAIMS.UPDATE",
            "$SYS.REQ.CLAIMS.DELETE",
            "$SYS.REQ.CLAIMS.LIST",
            "$SYS.REQ.SERVER.*.KICK",
            "$SYS.REQ.ACCOUNT.*.CONNZ",
            "$SYS.REQ.ACCOUNT.PING.STATZ",
        ),
        subscribe=("$SYS.ACCOUNT.*.CONNECT",),
    ),
    Role.REGISTRAR_CORE: Permissions(
        home=Home.CORE,
        publish=(
            *reads(subjects.EVT),
            *follows(subjects.EVT),
            *api(f"CONSUMER.DURABLE.CREATE.{subjects.JOBS}.*", f"CONSUMER.DELETE.{subjects.JOBS}.*"),
            "registrar.floods.*",
        ),
        subscribe=("registrar.documents.*",),
        answers_within_s=DOCUMENTS_ANSWER_S,
    ),
    Role.DOOR: Permissions(
        home=Home.DOOR, publish=(), subscribe=("$SYS.REQ.USER.AUTH",), answers_within_s=ANSWER_S
    ),
    Role.DOOR_CORE: Permissions(home=Home.CORE, publish=(*reads(subjects.EVT), *follows(subjects.EVT))),
    Role.ERASER: Permissions(
        home=Home.CORE,
        publish=(
            *makes_keys(),
            *deletes(subjects.SUBJECT_KEYS),
        ),
    ),
    Role.AUDITOR: Permissions(home=Home.SYSTEM, publish=("$SYS.REQ.SERVER.PING.JSZ",)),
    Role.APPLICATION: Permissions(
        home=Home.CORE,
        publish=(
            "app.*.*",
            *reads(subjects.APPLICATIONS),
            *api(f"DIRECT.GET.{subjects.APPLICATIONS}.app.*.*", f"STREAM.MSG.GET.{subjects.APPLICATIONS}"),
        ),
        subscribe=("app.*.*",),
    ),
    Role.DEPLOY: Permissions(home=Home.CORE, publish=(">",), subscribe=(">",)),
}


def subscriptions(role: Role) -> list[str]:
    """What the role may hear, its own inbox included."""
    return [*PERMISSIONS[role].subscribe, f"{subjects.inbox_prefix(role)}.>"]
