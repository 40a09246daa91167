"""The desk that sends links to people's mailboxes, behind the answer they get.

A route hands a request over and answers at once, always alike: whether an address is known, invited or unheard of shows
neither in the words nor in the time. Each coordinator runs one desk beside its HTTP face. What waits is bounded, and so
is what one minute may send.
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Final, assert_never

from adapters import clock
from adapters.email_address import EmailIndex
from adapters.mail import Mail, Mailer, MailNotSent
from api.api_key_text import sha256_of
from api.errors import ApiError, ErrorCode
from api.rate_limits import RateLimits
from api.session_text import new_link_text
from api.settings import Settings, SignUp
from api.sign_in_page import link_url
from commands.event_log import LogUnavailable, Origin
from commands.handle import CommandHandler
from domain.ids import AccountId
from domain.sign_in import SIGN_IN, InviteEmail, SendEmailLink, SendSignInLink

WAITING_MAX: Final = 1_000
SENDERS: Final = 4  # Side by side, for a mail server may take its time.
MAILS_PER_MINUTE_MAX: Final = 300

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkWanted:
    """Somebody wants to sign in by this address."""

    email: str
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationWanted:
    """An operator invites whoever reads this mailbox."""

    email: str
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailWanted:
    """An account wants to sign in by this address from now on."""

    email: str
    account_id: AccountId
    origin: Origin


Wanted = LinkWanted | InvitationWanted | EmailWanted


class SignInDesk:
    """Without a `mailer` it sends nothing and says so to everybody alike."""

    def __init__(
        self, handler: CommandHandler, index: EmailIndex, mailer: Mailer | None, settings: Settings
    ) -> None:
        self.index = index
        self._handler = handler
        self._mailer = mailer
        self._settings = settings
        self._rates = RateLimits(clock.now_ms)
        self._waiting: asyncio.Queue[Wanted] = asyncio.Queue(WAITING_MAX)

    def take(self, wanted: Wanted) -> None:
        """Raises `ApiError`: not_available where no mail is sent, unavailable while too much waits."""
        if self._mailer is None:
            raise ApiError(
                ErrorCode.NOT_AVAILABLE, "this network sends no mail: its operator sets ARCHIPELAGO_SMTP_URL"
            )
        try:
            self._waiting.put_nowait(wanted)
        except asyncio.QueueFull:
            raise ApiError(
                ErrorCode.UNAVAILABLE, "too many links wait for the mail; repeat in a minute"
            ) from None

    async def run(self) -> None:
        """Sends until it is cancelled."""
        if self._mailer is None:
            await asyncio.Event().wait()
            return
        async with asyncio.TaskGroup() as group:
            for _ in range(SENDERS):
                group.create_task(self._send_on(self._mailer))

    async def _send_on(self, mailer: Mailer) -> None:
        while True:
            wanted = await self._waiting.get()
            try:
                await self._send(wanted, mailer)
            except (MailNotSent, LogUnavailable) as fault:
                log.warning(
                    "sign_in_link_not_sent",
                    extra={"request_id": wanted.origin.correlation_id, "fault": str(fault)},
                )

    async def _send(self, wanted: Wanted, mailer: Mailer) -> None:
        if self._rates.count("mails", MAILS_PER_MINUTE_MAX).is_exceeded:
            raise MailNotSent("too many mails in this minute")
        email_index, now_ms = self.index.of(wanted.email), clock.now_ms()
        if isinstance(wanted, InvitationWanted):
            invite = InviteEmail(email_index=email_index, now_ms=now_ms)
            await self._handler.handle(SIGN_IN, email_index, invite, origin=wanted.origin)
        text = new_link_text(email_index)
        command = command_for(wanted, email_index, sha256_of(text), now_ms, self._settings.sign_up)
        sent = await self._handler.handle(SIGN_IN, email_index, command, origin=origin_of_link(wanted.origin))
        if sent.events:
            await mailer.send(mail_for(wanted, link_url(self._settings, text)))


def origin_of_link(origin: Origin) -> Origin:
    """An invitation and its link are two commands of one request."""
    return Origin(
        command_id=f"{origin.command_id}.link", actor=origin.actor, correlation_id=origin.correlation_id
    )


def command_for(
    wanted: Wanted, email_index: str, token_sha256: str, now_ms: int, sign_up: SignUp
) -> SendSignInLink | SendEmailLink:
    match wanted:
        case EmailWanted():
            return SendEmailLink(
                email_index=email_index,
                account_id=wanted.account_id,
                email=wanted.email,
                token_sha256=token_sha256,
                now_ms=now_ms,
            )
        case LinkWanted() | InvitationWanted():
            return SendSignInLink(
                email_index=email_index,
                account_id=AccountId(clock.new_id()),
                email=wanted.email,
                token_sha256=token_sha256,
                may_open=sign_up is SignUp.OPEN,
                now_ms=now_ms,
            )
        case _:
            assert_never(wanted)


def mail_for(wanted: Wanted, url: str) -> Mail:
    match wanted:
        case LinkWanted():
            subject, first = "Sign in to Archipelago", "This link signs you in:"
        case InvitationWanted():
            subject = "You are invited to Archipelago"
            first = "You may open an account on this network. This link opens it and signs you in:"
        case EmailWanted():
            subject = "Confirm your address for Archipelago"
            first = (
                f"Somebody who is signed in to the account {wanted.account_id} wants to sign in by this address"
                " from now on. This link says that it is yours:"
            )
        case _:
            assert_never(wanted)
    return Mail(
        to=wanted.email,
        subject=subject,
        text=f"{first}\n\n{url}\n\nIt works once and for 15 minutes. "
        "If you did not ask for it, do nothing: nobody gets in without it.\n",
    )
