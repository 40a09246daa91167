"""Child processes: bound to their parent, ended within a bound."""

import os
import sys
from pathlib import Path
from signal import SIGKILL, SIGTERM

from adapters.embedded.child_process import spawn, stop

DEAF = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.write(1, b"deaf")
time.sleep(60)
"""


async def test_a_child_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    child = spawn(
        [sys.executable, "-c", DEAF],
        working_directory=tmp_path,
        output=writer,
        user=None,
        death_signal=SIGTERM,
    )
    assert os.read(reader, 4) == b"deaf"
    await stop(child, ((SIGTERM, 0.1),))
    assert child.returncode == -SIGKILL
    os.close(reader)
    os.close(writer)


async def test_a_child_sees_nothing_of_our_environment_and_is_a_session_of_its_own(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    show = (
        "import os; print(os.getsid(0) == os.getpid(), sorted(set(os.environ) & {'HOME', 'PGPORT', 'USER'}))"
    )
    child = spawn(
        [sys.executable, "-c", show],
        working_directory=tmp_path,
        output=writer,
        user=None,
        death_signal=SIGTERM,
    )
    os.close(writer)
    with os.fdopen(reader) as output:
        assert output.read() == "True []\n"
    assert child.wait() == 0
