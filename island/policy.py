"""`python -m island.policy`: what the owner's settings mean, in plain lines. People type `archipelago island policy`.

Reads the environment as the daemon does, and this machine; nothing is started. Exit code 2 where a setting cannot be
used.
"""

import sys
from collections.abc import Iterator

from adapters import clock
from island.hardware import Hardware, detect
from island.opening_hours import opening_hours
from island.settings import Settings, read_settings


def main() -> int:
    settings = read_settings()
    if settings is None:
        return 2
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    for line in policy(settings, detect(settings.state_dir), clock.now_ms()):
        sys.stdout.write(f"{line}\n")
    return 0


def policy(settings: Settings, hardware: Hardware, now_ms: int) -> Iterator[str]:
    """One line for each rule of the owner."""
    lent = hardware.share(cpu_cores=settings.cpu_cores, ram_mb=settings.ram_mb, with_gpu=settings.lends_gpu)
    is_open = opening_hours(settings.hours).is_open(now_ms)
    yield f"hours      {', '.join(settings.hours) or 'always'}; now {'open' if is_open else 'closed'}"
    yield f"lends      {lent.cpu_cores} of {hardware.cpu_cores} cores, {lent.ram_mb} of {hardware.ram_mb} MB of memory"
    yield f"GPU        {gpu_text(hardware, lent)}"
    yield f"jobs       {min(settings.slots or lent.slots, lent.slots)} at once"
    yield f"cargos     of trust level {settings.trust_level_min} and above, for {', '.join(settings.runtimes)}"
    yield f"categories {categories_text(settings)}"
    asks = ", ".join(f"{slug} {ask} credits" for slug, ask in settings.asks.items())
    yield f"asks       {asks or 'the price of each cargo'}"
    yield f"region     {settings.region or 'not said'}"


def categories_text(settings: Settings) -> str:
    only = ", ".join(settings.categories) or "all"
    return (
        f"{only}, but not {', '.join(settings.categories_refused)}" if settings.categories_refused else only
    )


def gpu_text(hardware: Hardware, lent: Hardware) -> str:
    if hardware.gpu_model is None:
        return "none"
    return hardware.gpu_model if lent.gpu_model else f"{hardware.gpu_model}, not lent"


if __name__ == "__main__":
    sys.exit(main())
