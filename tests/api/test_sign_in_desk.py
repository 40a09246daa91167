"""The desk that sends links goes on when a mail fails, and promises no more than it can keep."""

import asyncio
import logging
from pathlib import Path

import pytest

from adapters.email_address import EmailIndex
from adapters.mail import FolderMailer, Mail, MailNotSent, SmtpMailer
from api import sign_in_desk
from api.coordinator import mailer_of
from api.errors import ApiError, ErrorCode
from api.settings import Settings
from api.sign_in_desk import LinkWanted, SignInDesk
from commands.event_log import Origin
from commands.handle import CommandHandler
from tests.memory_log import MemoryEventLog


class Postman:
    """Drops what is for `lost`."""

    def __init__(self, lost: str = "") -> None:
        self.mails: asyncio.Queue[Mail] = asyncio.Queue()
        self._lost = lost

    async def send(self, mail: Mail) -> None:
        if mail.to == self._lost:
            raise MailNotSent("SMTPConnectError")
        await self.mails.put(mail)


def desk_with(postman: Postman) -> SignInDesk:
    settings = Settings(public_url="https://net.example")
    return SignInDesk(CommandHandler(MemoryEventLog()), EmailIndex(b"secret"), postman, settings)


def wanted(email: str, number: int = 1) -> LinkWanted:
    return LinkWanted(
        email=email,
        origin=Origin(command_id=f"c-{number}", actor="sign_in", correlation_id=f"request-{number}"),
    )


async def test_a_mail_that_fails_is_logged_without_its_address_and_stops_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    postman = Postman(lost="ada@example.org")
    desk = desk_with(postman)
    running = asyncio.create_task(desk.run())
    with caplog.at_level(logging.WARNING):
        desk.take(wanted("ada@example.org", 1))
        desk.take(wanted("bob@example.org", 2))
        mail = await asyncio.wait_for(postman.mails.get(), 5)
    running.cancel()
    assert mail.to == "bob@example.org"
    assert "\n\nhttps://net.example/sign-in#sl_" in mail.text
    [record] = caplog.records
    assert (record.message, record.__dict__["request_id"]) == ("sign_in_link_not_sent", "request-1")
    assert "ada" not in str(record.__dict__)


async def test_a_minute_sends_so_many_mails_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in_desk, "MAILS_PER_MINUTE_MAX", 2)
    monkeypatch.setattr(sign_in_desk, "SENDERS", 1)
    postman = Postman()
    desk = desk_with(postman)
    for number in range(3):
        desk.take(wanted(f"ada-{number}@example.org", number))
    running = asyncio.create_task(desk.run())
    while desk._waiting.qsize():
        await asyncio.sleep(0)
    running.cancel()
    assert postman.mails.qsize() == 2


async def test_what_waits_is_bounded_and_everybody_is_told_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in_desk, "WAITING_MAX", 2)
    desk = desk_with(Postman())
    for number in range(2):
        desk.take(wanted("ada@example.org", number))
    with pytest.raises(ApiError) as refused:
        desk.take(wanted("bob@example.org", 3))
    assert refused.value.code is ErrorCode.UNAVAILABLE


def test_a_mail_server_wins_over_a_folder_and_without_either_there_is_no_mail(tmp_path: Path) -> None:
    both = Settings(smtp_url="smtps://mail.example", mail_folder=tmp_path)
    assert isinstance(mailer_of(both), SmtpMailer)
    assert isinstance(mailer_of(Settings(mail_folder=tmp_path)), FolderMailer)
    assert mailer_of(Settings()) is None
