"""How things stood at a moment of the past: a balance and the fleet, each with the moment itself."""

from typing import Any

from api.shapes.amounts import decimal_text
from api.shapes.present import instant, maybe_instant, present
from commands.as_of import Balance, Standpoint
from domain.ids import AccountId
from domain.placement import Offer


def standpoint_shape(where: Standpoint) -> dict[str, Any]:
    """The newest commit by then, and when it was recorded; before the first there is no time."""
    return present({"position": where.position, "at": instant(where.at_ms) if where.position else None})


def balance_shape(account_id: AccountId, balance: Balance, where: Standpoint) -> dict[str, Any]:
    shape = {
        "account_id": account_id,
        "credits": decimal_text(balance.purse.free),
        "held": decimal_text(balance.purse.held),
        "escrow": decimal_text(balance.purse.escrow),
        "low": balance.is_low,
        "created_at": maybe_instant(balance.opened_at_ms),
        "as_of": standpoint_shape(where),
    }
    return {**shape, "data": shape}


def offer_shape(offer: Offer) -> dict[str, Any]:
    """What counts when a job is placed. Names are not told: people choose them."""
    shape = present(
        {
            "host_id": offer.island_id,
            "owner_id": offer.owner_id,
            "approved": offer.is_approved,
            "online": offer.is_online,
            "draining": offer.is_draining,
            "suspended": offer.is_suspended,
            "cooldown_until": instant(offer.cooldown_until_ms) if offer.cooldown_until_ms else None,
            "platform": offer.platform,
            "region": offer.region,
            "cpu_cores": offer.cpu_cores,
            "ram_mb": offer.ram_mb,
            "disk_free_mb": offer.disk_free_mb,
            "gpu_vram_mb": offer.gpu_vram_mb,
            "slots": offer.slots,
            "active_jobs": sorted(offer.active_jobs),
            "karma": offer.karma,
            "trust_level_min": offer.trust_level_min,
            "runtimes": dict(sorted(offer.scores.items())),
            "asks": {slug: decimal_text(ask) for slug, ask in sorted(offer.asks_micro.items())},
            "warm": sorted(offer.warm_slugs),
        }
    )
    return {**shape, "data": shape}
