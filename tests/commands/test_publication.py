"""A publisher's slugs are claimed before they are published, and given back where somebody else was faster."""

from dataclasses import replace
from typing import Any

import pytest

from commands.event_log import EventLog, Origin
from commands.handle import CommandHandler
from commands.publication import publish
from domain.cargo import CARGO
from domain.cargo_commands import PublishCargo
from domain.ids import AccountId, CargoSlug
from domain.publisher import PUBLISHER
from domain.rejection import Rejected, Rejection
from tests.examples import CARGO_VERSION, OWNER, SLUG, T0_MS, cargo_with, origin
from tests.examples import PUBLISHER as PUBLISHER_ID
from tests.memory_log import MemoryEventLog


def publication(slug: str = SLUG, **fields: Any) -> PublishCargo:
    first_party = fields.pop("is_first_party", False)
    cargo = replace(CARGO_VERSION, spec=cargo_with(slug=CargoSlug(slug), **fields))
    return PublishCargo(cargo=cargo, now_ms=T0_MS, is_first_party=first_party)


async def claimed(handler: CommandHandler, account_id: AccountId = PUBLISHER_ID) -> set[str]:
    return set((await handler.state(PUBLISHER, account_id)).slugs)


async def refused(handler: CommandHandler, command: PublishCargo) -> Rejection:
    with pytest.raises(Rejected) as rejected:
        await publish(handler, command, origin("request"))
    return rejected.value.code


async def test_publishing_claims_the_slug_once() -> None:
    handler = CommandHandler(MemoryEventLog())
    for version in ("1.0.0", "1.0.0", "1.1.0"):
        await publish(handler, publication(version=version), origin(f"request {version}"))
    assert await claimed(handler) == {SLUG}


async def test_a_fourth_cargo_of_an_individual_is_refused_and_not_published() -> None:
    handler = CommandHandler(MemoryEventLog())
    for number in range(3):
        await publish(handler, publication(f"cargo-{number}"), origin(f"request {number}"))
    assert await refused(handler, publication("cargo-3")) is Rejection.CARGOS_EXCEEDED
    assert (await handler.state(CARGO, "cargo-3")).latest is None


async def test_the_operator_s_cargos_are_not_counted() -> None:
    handler = CommandHandler(MemoryEventLog())
    for number in range(4):
        command = publication(f"cargo-{number}", is_first_party=True)
        await publish(handler, command, origin(f"request {number}"))
    assert await claimed(handler) == set()


async def test_what_is_refused_anyhow_claims_nothing() -> None:
    log = MemoryEventLog()
    handler = CommandHandler(log)
    await publish(handler, publication(publisher_id=OWNER), origin("first"))
    assert await refused(handler, publication()) is Rejection.PUBLISHER_DIFFERS
    large = publication("large", limits={"memory_mb": 257})
    assert await refused(handler, large) is Rejection.LIMIT_ABOVE_TRUST_LEVEL
    assert (await log.load(PUBLISHER.stream(PUBLISHER_ID))).events == ()


async def test_a_slug_that_was_lost_in_a_race_is_given_back() -> None:
    """The other publisher comes between the claim and the publication."""
    log: EventLog = MemoryEventLog()
    handler, other = CommandHandler(log), CommandHandler(log)

    class Overtaken(CommandHandler):
        async def handle(self, decider: Any, aggregate_id: str, command: Any, *, origin: Origin) -> Any:
            if decider is CARGO:
                rival = publication(publisher_id=OWNER)
                await publish(other, rival, replace(origin, command_id=f"{origin.command_id}.rival"))
            return await super().handle(decider, aggregate_id, command, origin=origin)

    assert await refused(Overtaken(log), publication()) is Rejection.PUBLISHER_DIFFERS
    assert await claimed(handler) == set()
    assert await claimed(handler, OWNER) == {SLUG}
