"""Which cargos start fast here because they ran a short while ago. Told with every heartbeat."""

from typing import Final

WARM_S: Final = 3600.0
WARM_MAX: Final = 20


class WarmCargos:
    """Times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._used_at_s: dict[str, float] = {}

    def use(self, slug: str, now_s: float) -> bool:
        """True where the cargo was cold."""
        was_cold = slug not in self.slugs(now_s)
        self._used_at_s.pop(slug, None)
        self._used_at_s[slug] = now_s
        while len(self._used_at_s) > WARM_MAX:
            del self._used_at_s[next(iter(self._used_at_s))]
        return was_cold

    def slugs(self, now_s: float) -> list[str]:
        """Newest first."""
        return [slug for slug, at_s in reversed(self._used_at_s.items()) if now_s - at_s < WARM_S]
