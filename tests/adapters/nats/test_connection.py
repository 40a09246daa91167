"""What a component hears that the server does not know."""

from pathlib import Path

import pytest

from adapters.nats.accounts.deployment import Deployment
from adapters.nats.accounts.roles import Role
from adapters.nats.connection import NotLetIn, access_of, connect
from tests.fabric import Fabric


async def test_credentials_of_another_network_are_named_at_once(fabric: Fabric, tmp_path: Path) -> None:
    access = access_of(fabric.url, Deployment.open(tmp_path).coordinator, Role.COORDINATOR)
    with pytest.raises(NotLetIn, match=str(access.credentials)):
        await connect(access, "test")
