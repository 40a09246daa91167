"""An owner keeps new jobs from an island by the command line, and lets them come again."""

from typing import Any

from tests.cli.commands import Up, comes_true


def island(network: Up) -> dict[str, Any]:
    """The one that runs."""
    return next(one for one in network.typed("island", "list", "--json").json if one["status"] == "online")


def test_a_drained_island_takes_no_job_until_it_is_resumed(network: Up) -> None:
    assert comes_true(lambda: any(one["standing"] == "online" for one in [island(network)]))
    name = island(network)["id"]
    said = network.typed("island", "drain", name)
    assert said.code == 0
    assert "takes no more jobs" in said.out
    try:
        assert island(network)["standing"] == "draining"
        job = network.typed("job", "submit", "wasm-hash", "--input", '{"text":"hi"}', "--json").json
        assert comes_true(lambda: why(network, job["id"]) == ["draining"])
    finally:
        resumed = network.typed("island", "resume", name)
    assert "may take jobs again" in resumed.out
    assert comes_true(lambda: network.typed("job", "get", job["id"], "--json").json["state"] == "succeeded")


def why(network: Up, job_id: str) -> list[str]:
    found = network.typed("job", "get", job_id, "--json").json
    codes = {reason["code"] for reason in found.get("queue_reasons", [])} - {"offline"}
    return sorted(codes)
