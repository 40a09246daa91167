"""Answers about accounts: what one owns, how one gets in, and who one is."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from api.schemas.fields import Credits, EventAddress, Instant, Position
from api.schemas.forms import Message


class AccountData(TypedDict):
    """The account as SDKs read it; the Python SDK gets its number as text."""

    id: int | str
    email: str
    credits: float
    created_at: Instant


class Account(TypedDict):
    """An account. `id` is its public number; `email` is empty where nobody signs in to it by mail."""

    id: int
    account_id: str
    email: str
    name: str
    role: Literal["user", "admin"]
    credits: Credits
    held: Credits
    escrow: Credits
    low: bool
    created_at: Instant
    position: Position
    data: AccountData


class Standpoint(TypedDict):
    """The newest commit that had been recorded by then; before the first there is no time."""

    position: Position
    at: NotRequired[Instant]


class Balance(TypedDict):
    """What an account had at a moment."""

    account_id: str
    credits: Credits
    held: Credits
    escrow: Credits
    low: bool
    created_at: Instant
    as_of: Standpoint


class Correction(TypedDict):
    """A correction of credits. `new` is false where it had been made before."""

    account_id: str
    correction_id: str
    original: EventAddress
    amount: Credits
    credits: Credits
    new: bool


class ErasurePreview(TypedDict):
    """What erasing an account would end; `confirm` is the sentence that has to be sent."""

    account_id: str
    name: str
    open_jobs: int
    keys: int
    islands: int
    credits_left: Credits
    erased: bool
    confirm: str


class Erasure(Message):
    """`new` is false where the account was erased before."""

    account_id: str
    new: bool


class ApiKeyData(TypedDict):
    """The key as SDKs read it."""

    id: str
    name: str
    prefix: str
    created_at: Instant
    last_used_at: NotRequired[Instant]
    expires_at: NotRequired[Instant]


class ApiKey(TypedDict):
    """An API key without its text. `scopes` is a list in one text, as `read,write`."""

    id: int
    key_id: str
    name: str
    key_prefix: str
    scopes: str
    created_at: Instant
    last_used_at: NotRequired[Instant]
    expires_at: NotRequired[Instant]
    revoked_at: NotRequired[Instant]
    requests_per_minute: NotRequired[int]
    data: ApiKeyData


class KeyWithText(ApiKey):
    """A new API key with its text, which is shown this once."""

    key: str


class NewApiKeyData(ApiKeyData):
    """The new key as the published clients look for it."""

    scopes: str
    key_prefix: str
    key: str
    api_key: str
    data: ApiKeyData


class NewApiKey(Message):
    """A new API key; `key` is its text, which is shown this once."""

    api_key: KeyWithText
    key: str
    data: NewApiKeyData


class KeyRevoked(Message):
    """A key that counts no more."""

    key_id: str


class Session(TypedDict):
    """An open session. `current` marks the one that asks."""

    id: int
    session_id: str
    name: str
    scopes: str
    current: bool
    created_at: Instant
    expires_at: Instant


class NewSession(TypedDict):
    """A new session; `token` is its text, shown this once, unless it was set as a cookie."""

    session_id: str
    account_id: str
    name: str
    scopes: str
    created_at: Instant
    expires_at: Instant
    token: NotRequired[str]


class SessionEnded(Message):
    """A session that counts no more."""

    session_id: str


class SocketTicket(TypedDict):
    """Opens one WebSocket."""

    ticket: str
    expires_in_seconds: int
