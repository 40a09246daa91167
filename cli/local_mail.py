"""The mail of the network on this machine: its coordinator lays it into a folder, `archipelago up` prints it.

Used by `local_network.py`. A network that is given a mail server sends it there instead, and the folder stays empty.
"""

from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

from adapters.embedded.data_directory import DataDirectory


def mail_folder(directory: DataDirectory) -> Path:
    return directory.run / "mail"


def mails_in(folder: Path) -> Iterator[str]:
    """Each mail as lines to print. It is taken out of the folder: whoever watches has it now."""
    for path in sorted(folder.glob("*.eml")):
        message = message_from_bytes(path.read_bytes(), policy=policy.default)
        body = message.get_body()
        text = body.get_content() if body is not None else ""
        path.unlink()
        yield f"Mail to {message['To']}: {message['Subject']}\n\n{text}"
