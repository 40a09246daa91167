"""Signing in from a terminal to a network that `archipelago up` runs, with the mail it prints."""

import re
import stat
import subprocess
from pathlib import Path

import pytest

from cli.saved_session import SavedSession
from tests.cli.commands import COMMAND, Up, comes_true, typed


def signed_in(network: Up, email: str, *, paste: str = "") -> tuple[int, str, str]:
    """Types the command, and pastes the link out of the mail that the network printed, or `paste`."""
    printed = len(network.said())
    process = subprocess.Popen(
        [*COMMAND, "sign-in", email, "--data-dir", str(network.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    mail = re.compile(rf"Mail to {email}: Sign in to Archipelago\n\n.*?(\S+#sl_\w+)\n", re.DOTALL)
    comes_true(lambda: mail.search(network.said(), printed) is not None or process.poll() is not None)
    found = mail.search(network.said(), printed)
    if found is None:
        process.kill()
        pytest.fail("".join(process.communicate()))
    out, err = process.communicate(f"{paste or found[1]}\n", timeout=30)
    return process.returncode, out, err


def test_a_terminal_signs_in_by_the_mail_and_out_again(network: Up) -> None:
    code, out, err = signed_in(network, "ada@example.org")
    assert code == 0, err
    assert re.fullmatch(
        rf"Signed in until \d{{4}}-\d\d-\d\d\. Without --key, commands for {network.url} act for you now\.\n",
        out,
    )
    assert network.typed("account", "--json").json["email"] == "ada@example.org"
    assert network.typed("account", "--json").json["name"] == "New account"
    assert network.typed("account", "rename", "Ada").out == "The account is called Ada now.\n"
    assert network.typed("account", "--json").json["name"] == "Ada"
    assert typed("account", "--json", "--url", network.url).json["email"] == "ada@example.org"
    assert network.typed("account", "--json", "--key", network.key).json["account_id"] == "local"
    assert network.typed("sign-out").out == f"Signed out of {network.url}.\n"
    assert network.typed("account", "--json").json["account_id"] == "local"
    again = network.typed("sign-out")
    assert again.code == 1
    assert again.err.startswith(f"error: nobody is signed in to {network.url} on this machine\nnext: sign in")


def test_what_holds_no_link_is_refused(network: Up) -> None:
    code, _, err = signed_in(network, "bob@example.org", paste="hello")
    assert code == 2
    assert "link: that holds no sl_…\nnext: type the command again" in err


def test_a_session_that_was_ended_elsewhere_is_forgotten_here(network: Up) -> None:
    signed_in(network, "eve@example.org")
    key = SavedSession(network.url).read()
    ended = typed("sign-out", "--url", network.url)
    assert ended.code == 0
    SavedSession(network.url).write(key)
    said = network.typed("account")
    assert (said.code, "next: sign in with `archipelago sign-in ADDRESS`" in said.err) == (1, True)
    assert network.typed("sign-out").code == 0
    assert SavedSession(network.url).read() == ""


def test_a_session_is_kept_for_its_owner_and_its_coordinator(tmp_path: Path) -> None:
    saved = SavedSession("https://net.example", tmp_path)
    assert saved.read() == ""
    saved.write("as_1")
    saved.write("as_2")
    assert saved.read() == "as_2"
    assert SavedSession("https://other.example", tmp_path).read() == ""
    [path] = (tmp_path / "sessions").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    saved.remove()
    assert saved.read() == ""
