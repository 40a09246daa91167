"""How a network is kept alive and how it is told to stop: bounded restarts, one orderly stop."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from adapters.embedded.data_directory import DataDirectory
from cli.failure import CommandFailed
from cli.local_directory import locked
from cli.local_program import RESTARTS_MAX, LocalProgram
from cli.stop_signals import until_told_to_stop
from tests.cli.commands import comes_true


async def test_the_first_signal_stops_in_order_and_the_second_hurries() -> None:
    told: list[str] = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0.01)
            told.append("put away")

    was_told = await until_told_to_stop(
        work(), on_first=lambda: told.append("first"), on_second=lambda: told.append("second")
    )
    assert was_told
    assert told == ["first", "second", "put away"]


async def test_work_that_ends_by_itself_was_not_told_to() -> None:
    async def work() -> None:
        pass

    assert not await until_told_to_stop(work(), on_first=pytest.fail, on_second=pytest.fail)


async def test_a_program_that_ends_again_and_again_is_given_up_with_its_log(tmp_path: Path) -> None:
    directory = DataDirectory.open(tmp_path / "data")
    with locked(directory, "pytest"):
        program = LocalProgram("coordinator", directory, {}, module="cli", stop_s=1.0)
        program.start()
        for _ in range(RESTARTS_MAX):
            assert comes_true(lambda: program.died)
            program.restart()
        assert comes_true(lambda: program.died)
        with pytest.raises(CommandFailed, match="ended again after 5 restarts in 300 s") as failed:
            program.restart()
    assert "No module named cli.__main__" in failed.value.message
    assert str(program.log.path) in failed.value.next_step


async def test_what_a_killed_run_left_is_found_by_its_command_line(tmp_path: Path) -> None:
    directory = DataDirectory.open(tmp_path / "data")
    elsewhere = DataDirectory.open(tmp_path / "data2")
    with locked(directory, "pytest"), locked(elsewhere, "pytest"):
        left, other = (
            LocalProgram("island", one, {"PYTHONSTARTUP": ""}, module="http.server", stop_s=1.0)
            for one in (directory, elsewhere)
        )
        left.start()
        assert await LocalProgram("island", elsewhere, {}, module="x", stop_s=1.0).stop_leftovers() == 0
        assert await LocalProgram("coordinator", directory, {}, module="x", stop_s=1.0).stop_leftovers() == 0
        assert await LocalProgram("island", directory, {}, module="x", stop_s=1.0).stop_leftovers() == 1
        assert left.died
        await left.stop()
        await other.stop()
