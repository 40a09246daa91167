"""`archipelago as-of …`, typed against a network that runs, and over an exported file."""

import asyncio
from pathlib import Path

from commands.reports.period import instant
from tests.cli.commands import Said, Up, typed
from tests.past_logs import export, raws_of
from tests.paying_histories import paying_history


def position_of(network: Up) -> int:
    position: int = network.typed("account", "--json").json["position"]
    return position


def test_a_balance_of_the_past_is_shown_and_stays_what_it_was(network: Up) -> None:
    words = ("as-of", "balance", "--at", "5", "--json")
    early = network.typed(*words)
    assert early.json["account_id"] == "local"
    network.typed("job", "submit", "wasm-hash", "--input", '{"text":"later"}', "--follow")
    assert network.typed(*words).out == early.out
    now = network.typed("as-of", "balance", "--at", position_of(network))
    assert "credits" in now.out
    assert "as of" in now.out
    assert ", recorded 20" in now.out


def test_the_operator_names_any_account_and_a_stranger_s_id_is_told(network: Up) -> None:
    own = network.typed("as-of", "balance", "local", "--at", "5", "--json").json
    assert own["account_id"] == "local"
    said = network.typed("as-of", "balance", "nobody", "--at", "5")
    assert said.code == 1
    assert "nobody" in said.err


def test_karma_and_trust_of_the_past_say_which_moment_they_are_of(network: Up) -> None:
    network.typed("job", "submit", "wasm-hash", "--input", '{"text":"trusted"}', "--follow")
    at = position_of(network)
    [island, *_] = network.typed("island", "list", "--json").json
    karma = network.typed("as-of", "karma", island["id"], "--at", at)
    assert f"As of position {at}, recorded 20" in karma.out
    trust = network.typed("as-of", "trust", "wasm-hash", "--at", at)
    assert f"As of position {at}, recorded 20" in trust.out
    assert trust.out.startswith("cargo")


def test_the_fleet_of_the_past_is_read_from_the_log_itself(network: Up) -> None:
    [island, *_] = network.typed("island", "list", "--json").json
    at = position_of(network)
    fleet = network.typed("as-of", "placement", "--at", at)
    assert island["id"] in fleet.out
    assert f"As of position {at}, recorded 20" in fleet.out
    before = network.typed("as-of", "placement", "--at", 1, "--json").json
    assert (before["as_of"]["position"], before["hosts"]) == (1, [])


def test_a_moment_that_is_none_or_is_not_over_is_refused(network: Up) -> None:
    for words in (("balance",), ("placement",)):
        assert "must be a position of the log, or a time" in refused(network, *words, "--at", "yesterday")
        assert "the newest position of the log" in refused(network, *words, "--at", 2**61)
    assert "must not lie in the future" in refused(network, "balance", "--at", "2999-01-01T00:00:00Z")
    assert "--at" in refused(network, "balance")


def refused(network: Up, *words: object) -> str:
    said = network.typed("as-of", *words)
    assert said.code != 0
    return said.err


async def test_the_fleet_is_read_from_an_exported_file_with_nothing_running(tmp_path: Path) -> None:
    commits = paying_history(10)
    file = await export(tmp_path / "log.gz", raws_of(commits))
    middle = commits[len(commits) // 2]

    def fleet(at: object) -> Said:
        return typed("as-of", "placement", "--at", at, "--offline", file, "--json")

    by_position = await asyncio.to_thread(fleet, middle.position)
    assert by_position.json["as_of"] == {"position": middle.position, "at_ms": middle.recorded_at_ms}
    assert len(by_position.json["hosts"]) > 1
    last = max(one.position for one in commits if one.recorded_at_ms <= middle.recorded_at_ms)
    by_time = await asyncio.to_thread(fleet, instant(middle.recorded_at_ms))
    assert by_time.json["as_of"]["position"] == last
