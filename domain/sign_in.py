"""Signing in by a link in a mail: one aggregate for each e-mail address, under a keyed hash of it.

The address itself stands only in `SignInLinkSent.email`, marked as personal; decisions know its index alone. A link
works once and for a quarter of an hour, and whoever opens one proves that the mailbox is theirs: from then on the
address signs in to that account. Of a link's secret only the hash is kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Final, assert_never

from domain.decider import Decider
from domain.ids import AccountId
from domain.personal import PersonalOf
from domain.rejection import Rejected, Rejection

LINK_LIFE_MS: Final = 15 * 60_000
LINKS_PER_MINUTE_MAX: Final = 5
LINKS_OPEN_MAX: Final = 5  # Of one address; the oldest gives way.
MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInLinkSent:
    """A link for `account_id` was handed to the mail. It signs in to the account, which it opens where nobody has the
    address yet; `is_confirmation`: it only gives an account that exists this address.
    """

    email_index: str
    account_id: AccountId
    email: Annotated[str, PersonalOf("account_id")]
    token_sha256: str
    is_confirmation: bool
    sent_at_ms: int
    expires_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInLinkUsed:
    """From now on the address signs in to `account_id`, and no other link of it works."""

    email_index: str
    account_id: AccountId
    is_confirmation: bool
    used_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailInvited:
    """An operator lets whoever reads this mailbox open an account."""

    email_index: str
    invited_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailReleased:
    """The account has another address now; this one signs in to nothing."""

    email_index: str
    account_id: AccountId
    released_at_ms: int


SignInEvent = SignInLinkSent | SignInLinkUsed | EmailInvited | EmailReleased


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSignInLink:
    """`account_id` is for an address that nobody has; without `may_open` only an invited one gets a link."""

    email_index: str
    account_id: AccountId
    email: str
    token_sha256: str
    may_open: bool
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SendEmailLink:
    """To give an account that exists this address. Nothing is sent to the address of another account."""

    email_index: str
    account_id: AccountId
    email: str
    token_sha256: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UseSignInLink:
    email_index: str
    token_sha256: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteEmail:
    email_index: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseEmail:
    email_index: str
    account_id: AccountId
    now_ms: int


SignInCommand = SendSignInLink | SendEmailLink | UseSignInLink | InviteEmail | ReleaseEmail


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    account_id: AccountId
    is_confirmation: bool
    sent_at_ms: int
    expires_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """`account_id` is who signs in by the address, `first_account_id` who its first link was to open; `links` are the
    open ones by the hash of their secret, oldest first.
    """

    account_id: AccountId | None = None
    first_account_id: AccountId | None = None
    is_invited: bool = False
    links: Mapping[str, Link] = field(default_factory=dict)


def decide(sign_in: SignIn, command: SignInCommand) -> list[SignInEvent]:
    match command:
        case SendSignInLink():
            is_known = sign_in.account_id is not None or sign_in.is_invited
            wanted = sign_in.account_id or sign_in.first_account_id or command.account_id
            return send(sign_in, command, wanted) if is_known or command.may_open else []
        case SendEmailLink():
            is_free = sign_in.account_id in {None, command.account_id}
            return send(sign_in, command, command.account_id) if is_free else []
        case UseSignInLink():
            return use(sign_in, command)
        case InviteEmail():
            if sign_in.is_invited or sign_in.account_id is not None:
                return []
            return [EmailInvited(email_index=command.email_index, invited_at_ms=command.now_ms)]
        case ReleaseEmail():
            if sign_in.account_id != command.account_id:
                return []
            return [
                EmailReleased(
                    email_index=command.email_index,
                    account_id=command.account_id,
                    released_at_ms=command.now_ms,
                )
            ]
        case _:
            assert_never(command)


def send(
    sign_in: SignIn, command: SendSignInLink | SendEmailLink, account_id: AccountId
) -> list[SignInEvent]:
    """Nothing where the mailbox had its share of this minute: nobody fills it through us."""
    lately = [link for link in sign_in.links.values() if command.now_ms - link.sent_at_ms < MINUTE_MS]
    if command.token_sha256 in sign_in.links or len(lately) >= LINKS_PER_MINUTE_MAX:
        return []
    return [
        SignInLinkSent(
            email_index=command.email_index,
            account_id=account_id,
            email=command.email,
            token_sha256=command.token_sha256,
            is_confirmation=isinstance(command, SendEmailLink),
            sent_at_ms=command.now_ms,
            expires_at_ms=command.now_ms + LINK_LIFE_MS,
        )
    ]


def use(sign_in: SignIn, command: UseSignInLink) -> list[SignInEvent]:
    link = sign_in.links.get(command.token_sha256)
    if (
        link is None
        or command.now_ms >= link.expires_at_ms
        or sign_in.account_id not in {None, link.account_id}
    ):
        raise Rejected(
            Rejection.SIGN_IN_LINK_UNKNOWN, "token: works once and for 15 minutes; ask for a new link"
        )
    return [
        SignInLinkUsed(
            email_index=command.email_index,
            account_id=link.account_id,
            is_confirmation=link.is_confirmation,
            used_at_ms=command.now_ms,
        )
    ]


def evolve(sign_in: SignIn, event: SignInEvent) -> SignIn:
    match event:
        case SignInLinkSent():
            link = Link(
                account_id=event.account_id,
                is_confirmation=event.is_confirmation,
                sent_at_ms=event.sent_at_ms,
                expires_at_ms=event.expires_at_ms,
            )
            newest = [*sign_in.links.items(), (event.token_sha256, link)][-LINKS_OPEN_MAX:]
            # An unproven wish to have this address must not lead its owner into a stranger's account.
            first = None if event.is_confirmation else event.account_id
            return replace(sign_in, links=dict(newest), first_account_id=sign_in.first_account_id or first)
        case SignInLinkUsed():
            return replace(sign_in, account_id=event.account_id, links={})
        case EmailInvited():
            return replace(sign_in, is_invited=True)
        case EmailReleased():
            return SignIn()
        case _:
            assert_never(event)


SIGN_IN: Final[Decider[SignInCommand, SignIn, SignInEvent]] = Decider("sign_in", SignIn(), decide, evolve)
