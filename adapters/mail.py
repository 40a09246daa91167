"""Mail to people: handed to an SMTP server, or laid into a folder where the network has none.

Made by `api.coordinator` from its settings, used by the desk that sends links. Neither logs an address or a text.
"""

import asyncio
import os
import secrets
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

import aiosmtplib

from adapters.tls import is_loopback

SMTP_S: Final = 20.0
PORTS: Final = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """Plain text for one address, which holds no control character."""

    to: str
    subject: str
    text: str


class MailNotSent(Exception):
    """Nobody took the mail. The message names neither address nor text."""


class Mailer(Protocol):
    async def send(self, mail: Mail) -> None:
        """Hands over one mail. Raises `MailNotSent`."""
        ...


class SmtpMailer:
    """`url` is smtp://[user:password@]host[:port] or smtps://… . Off this machine nothing goes out without TLS: a
    link is as good as a password.
    """

    def __init__(self, url: str, sender: str) -> None:
        self._url = urlsplit(url)
        self._sender = sender

    async def send(self, mail: Mail) -> None:
        url, is_encrypted = self._url, self._url.scheme == "smtps"
        try:
            await aiosmtplib.send(
                message_of(mail, self._sender),
                hostname=url.hostname,
                port=url.port or PORTS[url.scheme],
                username=unquote(url.username) if url.username else None,
                password=unquote(url.password) if url.password else None,
                use_tls=is_encrypted,
                start_tls=None if is_encrypted or is_loopback(url.geturl()) else True,
                timeout=SMTP_S,
            )
        except (aiosmtplib.SMTPException, OSError) as fault:
            raise MailNotSent(type(fault).__name__) from None  # Its own words may hold the address.


class FolderMailer:
    """One file for each mail, readable by the owner alone; whoever looks after the folder takes them out."""

    def __init__(self, folder: Path, sender: str) -> None:
        self._folder = folder
        self._sender = sender

    async def send(self, mail: Mail) -> None:
        content = message_of(mail, self._sender).as_bytes()
        try:
            await asyncio.to_thread(self._write, content)
        except OSError as fault:
            raise MailNotSent(type(fault).__name__) from fault

    def _write(self, content: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = secrets.token_hex(8)
        draft = self._folder / f".{name}.draft"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        draft.rename(self._folder / f"{name}.eml")


def message_of(mail: Mail, sender: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = sender
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message
