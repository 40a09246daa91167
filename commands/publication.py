"""Publishing a cargo touches two aggregates: the publisher claims the slug first, the cargo is published second.

Called by the API. A claim whose publication is refused is given back; one that a crash left behind is used by the same
request sent again. The operator's own cargos are not counted.
"""

from dataclasses import replace

from commands.event_log import Origin
from commands.handle import CommandHandler, Handled
from domain.cargo import CARGO
from domain.cargo_commands import PublishCargo
from domain.cargo_events import CargoEvent
from domain.cargo_state import Cargo
from domain.publisher import PUBLISHER, ClaimSlug, ReleaseSlug
from domain.rejection import Rejected


async def publish(
    handler: CommandHandler, command: PublishCargo, origin: Origin
) -> Handled[Cargo, CargoEvent]:
    """Raises `Rejected`: cargos_exceeded, publisher_differs, version_taken, limit_above_trust_level."""
    spec = command.cargo.spec
    cargo = await handler.state(CARGO, spec.slug)
    CARGO.decide(cargo, command)  # What is refused anyhow claims nothing.
    if command.is_first_party:
        return await handler.handle(CARGO, spec.slug, command, origin=origin)
    account_id = spec.publisher_id
    claim = ClaimSlug(account_id=account_id, slug=spec.slug, now_ms=command.now_ms)
    claimed = replace(origin, command_id=f"{origin.command_id}.claim")
    await handler.handle(PUBLISHER, account_id, claim, origin=claimed)
    try:
        return await handler.handle(CARGO, spec.slug, command, origin=origin)
    except Rejected:
        now_theirs = await handler.state(CARGO, spec.slug)
        if now_theirs.publisher_id != account_id:
            release = ReleaseSlug(account_id=account_id, slug=spec.slug, now_ms=command.now_ms)
            released = replace(origin, command_id=f"{origin.command_id}.release")
            await handler.handle(PUBLISHER, account_id, release, origin=released)
        raise
