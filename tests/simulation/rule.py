"""How a broken rule is told: its name in the catalogue of invariants, and what happened."""


class Broken(Exception):
    """An invariant does not hold. `rule` is its name, `about` the job, account or island it is about."""

    def __init__(self, rule: str, about: str, detail: str) -> None:
        super().__init__(f"{rule}: {detail} ({about})")
        self.rule = rule
        self.about = about
        self.detail = detail


def require(holds: object, rule: str, about: str, detail: str) -> None:
    """Raises `Broken` unless it holds."""
    if not holds:
        raise Broken(rule, about, detail)
