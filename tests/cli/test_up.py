"""`archipelago up` as a real process: what it says, what it keeps alive, what it leaves behind."""

import signal
import stat
from pathlib import Path

import psutil

from tests.cli.commands import COMMAND, Up, comes_true, lines_of, start, typed, up
from tests.servers import temporary_folder

GONE = "The island was sent away (this island was removed by its owner;"


def living(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; a process that has ended and waits to be collected does not."""
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def submitted(network: Up, text: str) -> str:
    """The output of a job that ran on this network."""
    return network.typed("job", "submit", "wasm-hash", "--input", f'{{"text":"{text}"}}', "--follow").out


def test_it_says_what_it_does_and_how_to_go_on() -> None:
    with temporary_folder() as root:
        process = start("up", "--port", "0", "--no-island", "--data-dir", root)
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(17)]
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=60)
        assert process.returncode == 0
    assert said[0] == f"Archipelago in {root}\n"
    assert said[1].startswith("PostgreSQL and NATS: ready after ")
    assert sorted(line.partition(" after ")[0] for line in said[2:4]) == [
        "Coordinator: ready",
        "Registrar: ready",
    ]
    assert said[4] == "Cargo wasm-hash 1.0.0: published.\n"
    assert said[6].startswith("  URL  http://127.0.0.1:")
    assert said[7].startswith("  Key  ak_")
    assert (
        said[11]
        == f"""  archipelago job submit wasm-hash --input '{{"text":"hello"}}' --follow --data-dir {root}\n"""
    )
    assert said[12:14] == [f"  archipelago {what} --data-dir {root}\n" for what in ("job list", "account")]
    assert said[14].startswith("  archipelago island join http://127.0.0.1:")
    assert [line.partition(" after ")[0] for line in rest.splitlines()] == [
        "Stopping everything in order; Ctrl-C once more lets the island give back its jobs.",
        "Coordinator: stopped",
        "Registrar: stopped",
        "Door: stopped",
        "PostgreSQL and NATS: stopped",
    ]


def test_what_it_keeps_secret_is_closed_to_others(network: Up) -> None:
    closed = [network.root / "run" / "network.json", network.root / "keys" / "local-account.key"]
    assert [stat.S_IMODE(file.stat().st_mode) for file in closed] == [0o600, 0o600]


def test_a_second_start_says_who_holds_the_directory(network: Up) -> None:
    second = typed("up", "--data-dir", network.root)
    assert second.code == 1
    assert second.err.startswith(
        f"error: --data-dir: The data directory {network.root} is in use by process "
    )
    assert f"process {network.process.pid} (archipelago up)" in second.err
    assert f"serving {network.url}" in second.err
    assert submitted(network, "still there").startswith('{"sha256"')


def test_a_port_that_is_taken_is_refused(network: Up, tmp_path: Path) -> None:
    port = network.url.rpartition(":")[2]
    refused = typed("up", "--port", port, "--data-dir", tmp_path / "other")
    assert refused.code == 1
    assert refused.err.startswith(f"error: --port: {port} is taken by another program\n")


def test_a_program_that_dies_is_started_again(network: Up) -> None:
    for name, pid in network.programs.items():
        psutil.Process(pid).kill()
        said = f"The {name} ended (exit code -9); starting it again."
        assert comes_true(lambda line=said: line in network.said())  # type: ignore[misc]  # mypy cannot infer a lambda with a default
    assert comes_true(lambda: submitted(network, "after the deaths").startswith('{"sha256"'))


def test_a_server_that_dies_is_started_again_on_its_port(network: Up) -> None:
    for name in ("nats-server", "postgres"):
        [server] = [
            child
            for child in psutil.Process(network.process.pid).children()
            if child.name() == name and child.status() != psutil.STATUS_ZOMBIE
        ]
        server.kill()
    assert comes_true(lambda: "The nats server ended; starting it again on its port." in network.said())
    assert comes_true(lambda: "The postgres server ended; starting it again on its port." in network.said())
    assert comes_true(lambda: submitted(network, "after the servers").startswith('{"sha256"'))
    assert network.typed("projections", "verify").code == 0


def test_after_kill_nothing_is_left_and_the_next_start_goes_on(tmp_path: Path) -> None:
    notices = tmp_path / "notices"
    with temporary_folder() as root:
        with up(root, notices) as first:
            assert submitted(first, "before").startswith('{"sha256"')
            children = psutil.Process(first.process.pid).children(recursive=True)
            assert {child.name() for child in children} >= {"nats-server", "postgres", "python"}
            first.process.kill()
            first.process.wait()
            assert comes_true(lambda: not living(children)), living(children)
        with up(root, notices) as second:
            assert second.key == first.key
            assert [job["input"] for job in second.typed("job", "list", "--json").json] == [
                {"text": "before"}
            ]
            assert submitted(second, "after").startswith('{"sha256"')
            children = psutil.Process(second.process.pid).children(recursive=True)
            assert second.stop() == 0
            assert living(children) == []
            assert [
                line.partition(" after ")[0] for line in lines_of(second.said(), "Island", "Coord", "Postgre")
            ][-3:] == ["Island: stopped", "Coordinator: stopped", "PostgreSQL and NATS: stopped"]
            gone = second.typed("job", "list")
            assert gone.err.startswith("error: --url: no network runs on this machine")


def test_it_goes_on_without_an_island_that_was_sent_away(tmp_path: Path) -> None:
    notices = tmp_path / "notices"
    with temporary_folder() as root:
        with up(root, notices) as first:
            [island] = first.typed("island", "list", "--json").json
            assert first.typed("island", "remove", island["id"], "--yes").code == 0
            assert comes_true(lambda: GONE in first.said()), first.said()
            assert first.typed("island", "list", "--json").json == []
            assert "starting it again" not in first.said()
            assert first.stop() == 0
        with up(root, notices) as second:
            assert "island" not in second.programs
            [gone] = lines_of(second.said(), GONE)
            assert gone.endswith("; going on without it.")
            assert "archipelago island join" in gone
            assert not lines_of(second.said(), "Island: ready")
            assert second.typed("account").code == 0


def test_a_coordinator_that_cannot_start_is_told_with_its_log() -> None:
    with temporary_folder() as root:
        process = start("up", "--port", "0", "--data-dir", root, ARCHIPELAGO_REQUESTS_PER_MINUTE="0")
        out, err = process.communicate(timeout=60)
        assert process.returncode == 1
    assert "error: coordinator: ended with exit code 2 while starting. Its log ends with:\n" in err
    assert "error: ARCHIPELAGO_REQUESTS_PER_MINUTE: " in err
    assert out.splitlines()[-1].startswith("PostgreSQL and NATS: stopped after ")
    assert COMMAND[0] not in err
