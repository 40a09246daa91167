"""The streams, on a real server: what a full one does, and that deploying again brings a changed setting."""

from dataclasses import replace
from typing import Final

import pytest
from nats.aio.client import Client

from adapters.nats import subjects
from adapters.nats.replies import ask
from adapters.nats.streams import MIB, STREAMS, Stream, create_stream

CLAIM_STREAMS: Final = [
    one for one in STREAMS if one.name in {subjects.JOB_STATUS, subjects.JOB_OUTPUT, subjects.HEARTBEATS}
]
BODY: Final = 64_000 * b"x"


@pytest.mark.parametrize("stream", CLAIM_STREAMS, ids=[one.name for one in CLAIM_STREAMS])
async def test_a_full_stream_of_claims_goes_on_taking_claims(nats_client: Client, stream: Stream) -> None:
    """Else one island that fills it would silence all others until its flood has aged out."""
    refusing = {**stream.settings, "max_bytes": MIB, "discard": "new"}
    await create_stream(nats_client, replace(stream, settings=refusing), replicas=1)
    await create_stream(
        nats_client, replace(stream, settings={**stream.settings, "max_bytes": MIB}), replicas=1
    )
    kind = stream.subjects[0].rpartition(".")[2]
    flood = [await ask(nats_client, f"host.FLOODER.{kind}", BODY) for _ in range(2 * MIB // len(BODY))]
    honest = await ask(nats_client, f"host.HONEST.{kind}", b"{}")
    assert not [receipt for receipt in [*flood, honest] if "error" in receipt]
