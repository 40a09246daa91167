"""The coordinator's connections: one for each role, and the end of one that the server shut for good."""

import asyncio

import pytest

from api import connections
from api.connections import ClosedForGood, Connections
from api.settings import Settings
from tests.fabric import Fabric


async def test_a_connection_that_was_shut_for_good_ends_the_coordinator(
    fabric: Fabric, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "LOOK_EVERY_S", 0.01)
    settings = Settings(nats_url=fabric.url, nats_keys=fabric.deployment.coordinator.path)
    async with Connections.opened(settings) as opened:
        watching = asyncio.create_task(opened.until_closed())
        await asyncio.sleep(0.05)  # Several looks: that it goes on while all is well shows only in time.
        assert not watching.done()
        await opened.edge.close()
        with pytest.raises(ClosedForGood, match="edge"):
            await asyncio.wait_for(watching, timeout=5)


@pytest.mark.parametrize("field", ["nats_url", "island_nats_url"])
def test_an_address_with_a_password_is_refused(field: str) -> None:
    with pytest.raises(ValueError, match="ARCHIPELAGO_NATS_KEYS"):
        Settings.model_validate({field: "nats://user:password@127.0.0.1:4222"})
