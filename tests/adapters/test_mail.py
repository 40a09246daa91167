"""Mail over a real SMTP server and into a folder."""

import socket
import stat
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import Message
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler
from aiosmtpd.smtp import AuthResult, LoginPassword

from adapters.mail import FolderMailer, Mail, MailNotSent, SmtpMailer

SENDER = "network@example.org"
MAIL = Mail(to="ada@example.org", subject="Sign in", text="https://net.example/sign-in#sl_0\n")


class Inbox(MessageHandler):
    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Message] = []

    def handle_message(self, message: Message) -> None:
        self.messages.append(message)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, str]]:
    def authenticate(*given: object) -> AuthResult:
        login = given[-1]
        is_right = isinstance(login, LoginPassword) and login == LoginPassword(b"us er", b"p@ss")
        return AuthResult(success=is_right, handled=False)

    inbox = Inbox()
    controller = Controller(
        inbox,
        hostname="127.0.0.1",
        port=free_port(),
        authenticator=authenticate,
        auth_require_tls=False,
    )
    controller.start()
    try:
        yield inbox, f"127.0.0.1:{controller.port}"
    finally:
        controller.stop()


async def test_a_mail_server_takes_the_mail_from_who_has_its_password(inbox: tuple[Inbox, str]) -> None:
    taken, address = inbox
    await SmtpMailer(f"smtp://us%20er:p%40ss@{address}", SENDER).send(MAIL)
    [message] = taken.messages
    assert (message["From"], message["To"], message["Subject"]) == (SENDER, MAIL.to, MAIL.subject)
    assert message["Auto-Submitted"] == "auto-generated"
    assert str(message.get_payload()).replace("\r\n", "\n") == MAIL.text


async def test_a_mail_that_nobody_took_is_told_without_its_address(inbox: tuple[Inbox, str]) -> None:
    taken, address = inbox
    for url in (f"smtp://us%20er:wrong@{address}", "smtp://127.0.0.1:1"):
        with pytest.raises(MailNotSent) as failed:
            await SmtpMailer(url, SENDER).send(MAIL)
        assert "ada" not in str(failed.value)
    assert not taken.messages


async def test_mail_in_a_folder_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "mail"
    await FolderMailer(folder, SENDER).send(MAIL)
    [path] = folder.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert (message["From"], message["To"], message["Subject"]) == (SENDER, MAIL.to, MAIL.subject)


async def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MailNotSent):
        await FolderMailer(tmp_path / "file" / "mail", SENDER).send(MAIL)


async def test_off_this_machine_nothing_goes_out_without_tls(inbox: tuple[Inbox, str]) -> None:
    """`127.1` reaches the same server, but is no name that counts as this machine."""
    taken, address = inbox
    with pytest.raises(MailNotSent):
        await SmtpMailer(f"smtp://{address.replace('127.0.0.1', '127.1')}", SENDER).send(MAIL)
    assert not taken.messages
    await SmtpMailer(f"smtp://{address}", SENDER).send(MAIL)
    assert len(taken.messages) == 1
