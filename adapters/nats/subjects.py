"""Every stream, subject and header name, once. Both sides of the fabric use them."""

from typing import Final

from domain.ids import IslandId

EVT: Final = "EVT"
JOBS: Final = "JOBS"
JOB_STATUS: Final = "JOB_STATUS"
JOB_OUTPUT: Final = "JOB_OUTPUT"
HEARTBEATS: Final = "HEARTBEATS"
ADVISORIES: Final = "ADVISORIES"
ARTIFACTS: Final = "ARTIFACTS"
SUBJECT_KEYS: Final = "SUBJECT_KEYS"
APPLICATIONS: Final = "APPLICATIONS"

REGISTER: Final = "coordinator.hosts.register"
PAIRING: Final = "coordinator.hosts.pairing"
INTAKE: Final = "intake"  # The durable consumer on each claim stream.

INBOX_NAME_CHARACTERS: Final = 16
CORE_DOMAIN: Final = "core"  # How islands name the JetStream that serves them.

EXPECTED: Final = "Nats-Expected-Last-Subject-Sequence"
EXPECTED_LAST: Final = "Nats-Expected-Last-Sequence"
RECORDED_AT: Final = "Recorded-At-Ms"  # Of a restored commit: when it was first recorded.
MESSAGE_ID: Final = "Nats-Msg-Id"
TTL: Final = "Nats-TTL"
COMMAND_ID: Final = "Command-Id"
BODY_HASH: Final = "Body-Sha256"
CAUSE: Final = "Cause"
ACTOR: Final = "Actor"
CORRELATION: Final = "Correlation-Id"


def fact(stream: str) -> str:
    """`job.j-1` -> `evt.job.j-1`. An id is one token: no dot, no space, no wildcard."""
    category, _, aggregate_id = stream.partition(".")
    assert category, stream
    assert aggregate_id, stream
    assert not set(aggregate_id) & set(". *>\r\n\t"), stream
    return f"evt.{stream}"


def jobs(island_id: IslandId) -> str:
    return f"host.{island_id}.jobs"


def jobs_consumer(island_id: IslandId) -> str:
    """The durable consumer of an island's jobs."""
    return f"host-{island_id}"


def status(island_id: IslandId) -> str:
    return f"host.{island_id}.status"


def lease(island_id: IslandId) -> str:
    return f"host.{island_id}.lease"


def output(island_id: IslandId) -> str:
    return f"host.{island_id}.output"


def progress(island_id: IslandId) -> str:
    return f"host.{island_id}.progress"


def heartbeat(island_id: IslandId) -> str:
    return f"host.{island_id}.heartbeat"


def cancel(island_id: IslandId) -> str:
    return f"host.{island_id}.cancel"


def preload(island_id: IslandId) -> str:
    return f"host.{island_id}.preload"


def ping(island_id: IslandId) -> str:
    return f"host.{island_id}.ping"


def probe(island_id: IslandId) -> str:
    """Where an island is asked whether it is there."""
    return f"host.{island_id}.probe"


def pong(island_id: IslandId) -> str:
    """Where it says so."""
    return f"host.{island_id}.pong"


def artifact(digest: str, piece: str) -> str:
    """One piece of an artifact by its number, or all of them: `*`."""
    return f"artifact.{token(digest.removeprefix('sha256:'))}.{piece}"


def application(name: str, aggregate: str) -> str:
    """What an application of the `eventsourcing` library keeps of one aggregate, or of all of them: `*`."""
    return f"app.{token(name)}.{aggregate}"


def subject_key(subject: str) -> str:
    """Where the key of an account's or an island's personal texts is kept."""
    assert subject
    assert not set(subject) & set(". *>\r\n\t"), subject
    return f"subject_key.{subject}"


def documents(island_id: IslandId) -> str:
    """Where the registrar is asked for an island's documents."""
    return f"registrar.documents.{island_id}"


def floods(island_id: IslandId) -> str:
    """Where the edge is told that an island sends too much."""
    return f"registrar.floods.{island_id}"


def inbox_prefix(name: str) -> str:
    """Where answers to a component or an island arrive; nobody else may listen there."""
    return f"_INBOX_{name[:INBOX_NAME_CHARACTERS]}"


def rejected_claim(island_id: str, job_id: str) -> str:
    """Where a rejected claim is kept. Foreign text never becomes a token: see `token`."""
    return f"advisory.claim_rejected.{token(island_id)}.{token(job_id)}"


def token(text: str) -> str:
    """`text` where it can be one subject token, else `unknown`."""
    plain = text and len(text) <= 80 and all(c.isascii() and (c.isalnum() or c in "-_") for c in text)
    return text if plain else "unknown"
