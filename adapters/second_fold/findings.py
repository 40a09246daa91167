"""What a second fold finds wrong: sentences, as many as a person reads, and how many there were."""

from typing import Final

FINDINGS_KEPT_MAX: Final = 20


class Findings:
    def __init__(self) -> None:
        self.texts: list[str] = []
        self.count = 0

    def add(self, what: str, fault: str, position: int) -> None:
        """`what` names an account, an island or an entry."""
        self.count += 1
        if len(self.texts) < FINDINGS_KEPT_MAX:
            self.texts.append(f"{what}: {fault}, at position {position}")

    def compare(
        self, what: str, name: str, said: object, folded: object, position: int, *, source: str
    ) -> None:
        """A finding with both values where they differ."""
        if said != folded:
            self.add(what, f"{name} is {said} {source} and {folded} by the second fold", position)
