"""`archipelago island drain` and `resume`: an owner keeps new jobs from an island, and lets them come again."""

from typing import Any

from cli.island_membership import IslandName, own_island, tell
from cli.options import AsJson, DataDir, Key, Url


def drain(
    name: IslandName, url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Give one of your islands no more jobs. What runs there goes on; its heartbeats do not undo it."""
    answer = ordered(name, "drain", url, key, data_dir)
    sentence = (
        f"{answer['name']} takes no more jobs. To undo it: archipelago island resume {answer['name']!r}"
    )
    tell(answer, sentence, as_json=as_json)


def resume(
    name: IslandName, url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Give one of your islands jobs again."""
    answer = ordered(name, "resume", url, key, data_dir)
    draining = "; it drains by itself all the same" if answer["draining"] else ""
    tell(answer, f"{answer['name']} may take jobs again{draining}", as_json=as_json)


def ordered(name: str, order: str, url: str, key: str, data_dir: DataDir) -> dict[str, Any]:
    """The island as it stands behind the order."""
    from cli.coordinator import ask

    island = ask(url, key, data_dir, lambda coordinator: own_island(coordinator, name))
    path = f"/hosts/{island['id']}/{order}"
    answer: dict[str, Any] = ask(url, key, data_dir, lambda coordinator: coordinator.post(path, {}))
    return answer
