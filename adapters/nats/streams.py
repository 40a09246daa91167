"""The streams of the fabric and their durable consumers, made at deployment and never at run time.

Made as the role `deploy` when the embedded server has started, or by whoever deploys. Making them again changes
nothing; a setting that may change is updated, and one that may not is refused by the server and raised.
Claim streams are rings per island, so that a flood mostly evicts the flooder's own claims. One that is full all the
same drops what is oldest: refusing what is new would let one island stop everybody until its flood has aged out.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from nats.aio.client import Client

from adapters.nats import subjects
from adapters.nats.connection import Access, connect
from adapters.nats.replies import Refused, ask
from domain.ids import IslandId

SECOND_NS: Final = 1_000_000_000
DAY_NS: Final = 86_400 * SECOND_NS
MIB: Final = 1 << 20

CLAIM_BYTES_MAX: Final = 96 * 1024
"""A body of 64 KiB and what goes with it."""
OUTPUT_BYTES_MAX: Final = 8 * MIB
SUBJECT_KEY_BYTES_MAX: Final = 1024
CLAIMS_PER_ISLAND_MAX: Final = 10_000
"""Others wait behind a flood for as long as dropping so many takes: a quarter of a second, measured on two cores."""
OUTPUTS_PER_ISLAND_MAX: Final = 500_000
REJECTIONS_PER_JOB_MAX: Final = 50
WAITING_JOBS_PER_ISLAND_MAX: Final = 64
ISLANDS_MAX: Final = 20_000
"""Each has a durable on `JOBS`. A stream that says nothing may have 1 000 since nats-server 2.15."""
ACK_WAIT_S: Final = 30
DELIVERIES_MAX: Final = 8
UNACKNOWLEDGED_MAX: Final = 5_000
"""Of all islands together, those that were put back for a second included."""
JOB_ACK_WAIT_S: Final = 60
JOB_DELIVERIES_MAX: Final = 5

STREAM_EXISTS: Final = 10058
CONSUMER_UNKNOWN: Final = 10014


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    name: str
    subjects: tuple[str, ...]
    settings: dict[str, Any]
    survives_without: bool = (
        False  # Claims that may be lost with the power: written without waiting for the disk.
    )


RING: Final = {"deny_delete": True, "deny_purge": True, "duplicate_window": SECOND_NS // 10, "discard": "old"}

STREAMS: Final = (
    Stream(
        name=subjects.EVT,
        subjects=("evt.*.*",),
        settings={"deny_delete": True, "deny_purge": True, "duplicate_window": SECOND_NS},
    ),
    Stream(
        name=subjects.JOBS,
        subjects=("host.*.jobs",),
        settings={
            "retention": "workqueue",
            "allow_msg_ttl": True,
            "discard": "new",
            "discard_new_per_subject": True,
            "max_msgs_per_subject": WAITING_JOBS_PER_ISLAND_MAX,
            "max_consumers": ISLANDS_MAX,
            "max_bytes": 128 * MIB,
            "duplicate_window": 120 * SECOND_NS,
        },
        survives_without=True,
    ),
    Stream(
        name=subjects.JOB_STATUS,
        subjects=("host.*.status", "host.*.lease"),
        settings=RING
        | {
            "max_age": 30 * DAY_NS,
            "max_bytes": 512 * MIB,
            "max_msg_size": CLAIM_BYTES_MAX,
            "max_msgs_per_subject": CLAIMS_PER_ISLAND_MAX,
        },
        survives_without=True,
    ),
    Stream(
        name=subjects.JOB_OUTPUT,
        subjects=("host.*.output", "host.*.progress", "host.*.image"),
        settings=RING
        | {
            "max_age": 7 * DAY_NS,
            "max_bytes": 2048 * MIB,
            "max_msg_size": OUTPUT_BYTES_MAX,
            "max_msgs_per_subject": OUTPUTS_PER_ISLAND_MAX,
        },
    ),
    Stream(
        name=subjects.HEARTBEATS,
        subjects=("host.*.heartbeat", f"{subjects.REGISTER}.*"),
        settings=RING
        | {
            "max_age": 7 * DAY_NS,
            "max_bytes": 256 * MIB,
            "max_msg_size": CLAIM_BYTES_MAX,
            "max_msgs_per_subject": CLAIMS_PER_ISLAND_MAX,
        },
        survives_without=True,
    ),
    Stream(
        name=subjects.ADVISORIES,
        subjects=(
            "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>",
            "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>",
            "advisory.claim_rejected.*.*",
        ),
        settings={
            "max_age": 30 * DAY_NS,
            "max_bytes": 64 * MIB,
            "max_msgs_per_subject": REJECTIONS_PER_JOB_MAX,
        },
    ),
    Stream(
        name=subjects.ARTIFACTS,
        subjects=("artifact.*.*",),
        settings={
            "deny_delete": True,
            "deny_purge": True,
            "discard": "new",
            "discard_new_per_subject": True,
            "max_msgs_per_subject": 1,
            "max_bytes": 1024 * MIB,
        },
    ),
    Stream(
        name=subjects.SUBJECT_KEYS,
        subjects=("subject_key.*",),
        settings={
            "deny_purge": True,
            "discard": "new",
            "discard_new_per_subject": True,
            "max_msgs_per_subject": 1,
            "max_msg_size": SUBJECT_KEY_BYTES_MAX,
        },
    ),
    Stream(
        name=subjects.APPLICATIONS,
        subjects=("app.*.*",),
        settings={
            "deny_delete": True,
            "deny_purge": True,
            "allow_atomic": True,
            "duplicate_window": SECOND_NS,
            "discard": "new",
            "max_bytes": 1024 * MIB,
        },
    ),
)


async def deploy_streams(access: Access, *, replicas: int = 1) -> None:
    """As `create_streams`, on a connection of its own. Raises what `connect` raises, and `Refused`."""
    client = await connect(access, "deployment")
    try:
        await create_streams(client, replicas=replicas)
    finally:
        await client.close()


async def create_streams(client: Client, *, replicas: int = 1) -> None:
    """Makes every stream and the intake's consumers. Raises `Refused` where the server will not."""
    for stream in STREAMS:
        await create_stream(client, stream, replicas=replicas)
    for name in (subjects.JOB_STATUS, subjects.HEARTBEATS):
        await create_consumer(client, name, subjects.INTAKE, intake_settings())


async def create_stream(client: Client, stream: Stream, *, replicas: int) -> None:
    config = {
        "name": stream.name,
        "subjects": list(stream.subjects),
        "storage": "file",
        "num_replicas": replicas,
        "allow_direct": True,
        **stream.settings,
    }
    if stream.survives_without and replicas == 1:  # The server offers it on single replicas only.
        config["persist_mode"] = "async"
    body = json.dumps(config).encode()
    answer = await ask(client, f"$JS.API.STREAM.CREATE.{stream.name}", body)
    if answer.get("error", {}).get("err_code") == STREAM_EXISTS:
        answer = await ask(client, f"$JS.API.STREAM.UPDATE.{stream.name}", body)
    if "error" in answer:
        raise Refused(f"stream {stream.name}: {answer['error']['description']}")


async def create_consumer(client: Client, stream: str, durable: str, settings: dict[str, Any]) -> None:
    body = {"stream_name": stream, "config": {"durable_name": durable, **settings}}
    answer = await ask(
        client, f"$JS.API.CONSUMER.DURABLE.CREATE.{stream}.{durable}", json.dumps(body).encode()
    )
    if "error" in answer:
        raise Refused(f"consumer {durable} of {stream}: {answer['error']['description']}")


def intake_settings() -> dict[str, Any]:
    """A claim is acknowledged after its fact is recorded; what fails eight times is poison and becomes an advisory."""
    return {
        "ack_policy": "explicit",
        "ack_wait": ACK_WAIT_S * SECOND_NS,
        "max_deliver": DELIVERIES_MAX,
        "max_ack_pending": UNACKNOWLEDGED_MAX,
    }


async def create_jobs_consumer(client: Client, island_id: IslandId, *, slots: int) -> None:
    """The island's own durable on `JOBS`: it may take as many unacknowledged jobs as it has slots."""
    await create_consumer(
        client,
        subjects.JOBS,
        subjects.jobs_consumer(island_id),
        {
            "ack_policy": "explicit",
            "ack_wait": JOB_ACK_WAIT_S * SECOND_NS,
            "max_deliver": JOB_DELIVERIES_MAX,
            "max_ack_pending": slots,
            "filter_subject": subjects.jobs(island_id),
        },
    )


async def delete_jobs_consumer(client: Client, island_id: IslandId) -> None:
    """The island's durable is gone afterwards; no error where there is none."""
    answer = await ask(client, f"$JS.API.CONSUMER.DELETE.{subjects.JOBS}.{subjects.jobs_consumer(island_id)}")
    if "error" in answer and answer["error"].get("err_code") != CONSUMER_UNKNOWN:
        raise Refused(f"consumer of {island_id}: {answer['error']['description']}")
