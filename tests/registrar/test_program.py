"""Both programs as processes: they start, end when told to, and say in one line why they cannot."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from nats.aio.client import Client

from adapters.nats.accounts.key_folder import KeyFolder
from tests.fabric import Fabric
from tests.registrar.conftest import NewStory
from tests.registrar.stories import OWNER, is_let_in

STARTED_S = 10.0
PROGRAMS = {"REGISTRAR": "registrar", "DOOR": "registrar.door"}


def program(name: str, **settings: object) -> subprocess.Popen[str]:
    given = {f"ARCHIPELAGO_{name}_{key}": str(value) for key, value in settings.items()}
    plain = {key: value for key, value in os.environ.items() if not key.startswith("ARCHIPELAGO_")}
    return subprocess.Popen(
        [sys.executable, "-m", PROGRAMS[name]], env=plain | given, stderr=subprocess.PIPE, text=True
    )


def until_said(process: subprocess.Popen[str], said: str) -> None:
    assert process.stderr is not None
    assert any(said in line for line in process.stderr), "it ended without"


def folder_of(fabric: Fabric, name: str) -> Path:
    folders: dict[str, KeyFolder] = {
        "REGISTRAR": fabric.deployment.registrar,
        "DOOR": fabric.deployment.door,
    }
    return folders[name].path


async def test_the_programs_work_together_and_end_when_told_to(
    fabric: Fabric, log: Client, api: Client, new_story: NewStory
) -> None:
    story = new_story(local_id="host-with-password")
    await story.tell(story.enrolled(owner_id=OWNER))
    running = [program(name, NATS_URL=fabric.url, NATS_KEYS=folder_of(fabric, name)) for name in PROGRAMS]
    try:
        for process, said in zip(running, ("accounts_pushed", "door_open"), strict=True):
            await asyncio.wait_for(asyncio.to_thread(until_said, process, said), STARTED_S)
        assert "expires_at_s" in await story.documents(api)
        assert await is_let_in(story)
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        told = [await asyncio.to_thread(process.communicate, timeout=STARTED_S) for process in running]
    assert [process.returncode for process in running] == [0, 0], told


@pytest.mark.parametrize("name", PROGRAMS)
async def test_missing_keys_are_told_in_one_line(name: str, fabric: Fabric, tmp_path: Path) -> None:
    process = program(name, NATS_URL=fabric.url, NATS_KEYS=tmp_path)
    _, told = await asyncio.to_thread(process.communicate, timeout=STARTED_S)
    assert process.returncode == 1
    assert told.startswith("error: ")
    assert told.rstrip().endswith(f"Check ARCHIPELAGO_{name}_NATS_KEYS and ARCHIPELAGO_{name}_NATS_CA_FILE.")
    assert str(tmp_path) in told
    assert len(told.splitlines()) == 1
