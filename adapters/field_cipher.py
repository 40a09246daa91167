"""Seals the marked fields of events before they are written, and reveals them where a person is shown them.

AES-GCM by the library's cipher, with a key per subject from `SubjectKeys`. The nonce follows from the command, the
field and the text, so an append that is repeated after a crash has the same bytes; equal texts of different commands
look different. Made in the composition roots; a program that is given none seals nothing and reads `[encrypted]`.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, Protocol, TypeVar

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from eventsourcing.cryptography import AESCipher
from eventsourcing.utils import Environment

from adapters import marked_fields, sealed_text
from adapters.marked_fields import Change, Place
from adapters.sealed_text import ENCRYPTED, ERASED
from domain.personal import PersonalOf

T = TypeVar("T")

NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
ASKED_AT_ONCE_MAX: Final = 32


class SubjectKeys(Protocol):
    """Where the keys of subjects are kept, outside the log. `adapters.nats.subject_keys` keeps them."""

    async def existing(self, subject: str) -> bytes | None:
        """Its key; None where it has none, or has none any more. Raises `LogUnavailable`."""
        ...

    async def made(self, subject: str) -> bytes | None:
        """Its key, made where there is none; None where it was erased. Raises `LogUnavailable`."""
        ...

    async def is_erased(self, subject: str) -> bool: ...


class RepeatableCipher(AESCipher):
    """The library's cipher, with a nonce that follows from the content. What it writes, the library's own reads."""

    def __init__(self, key: bytes) -> None:
        super().__init__(Environment(env={self.CIPHER_KEY: base64.b64encode(key).decode()}))
        self._aes = AESGCM(key)
        self._nonces = derived(key, "nonce")
        self._fingerprints = derived(key, "fingerprint")

    def sealed(self, text: str, context: str) -> bytes:
        content = text.encode()
        nonce = keyed_digest(self._nonces, context.encode() + b"\0" + content)[:NONCE_BYTES]
        sealed = self._aes.encrypt(nonce, content, None)
        return nonce + sealed[-TAG_BYTES:] + sealed[:-TAG_BYTES]

    def opened(self, ciphertext: bytes) -> str | None:
        """None where it was sealed with another key, or was changed since."""
        try:
            return self.decrypt(ciphertext).decode()
        except ValueError:
            return None

    def fingerprint(self, content: bytes) -> str:
        return keyed_digest(self._fingerprints, content).hex()


def derived(key: bytes, purpose: str) -> bytes:
    return keyed_digest(key, f"archipelago.{purpose}".encode())


def keyed_digest(key: bytes, content: bytes) -> bytes:
    return hmac.digest(key, content, hashlib.sha256)


class FieldCipher:
    def __init__(self, keys: SubjectKeys, network_key: bytes) -> None:
        """`network_key` (32 bytes) seals secrets."""
        self._keys = keys
        self._secrets = RepeatableCipher(derived(network_key, "secrets"))
        self._known = KnownCiphers()

    async def sealed(self, events: Sequence[T], command_id: str) -> Sequence[T]:
        """The events as they may be written. Raises `LogUnavailable` where a new subject's key cannot be had."""
        wanted: set[str] = set()
        if not note_subjects(events, wanted):
            return events
        ciphers = await self._ciphers(wanted, are_made=True)

        return [
            marked_fields.changed(event, self._sealing(ciphers, f"{command_id}.{number}"))
            for number, event in enumerate(events)
        ]

    def _sealing(self, ciphers: Mapping[str, RepeatableCipher], event_id: str) -> Change:
        def seal(text: str, place: Place) -> str:
            context = f"{event_id}.{place.name}"
            if not text:
                return text
            if not isinstance(place.mark, PersonalOf):
                return sealed_text.secret_text(self._secrets.sealed(text, context))
            if place.subject is None or is_kept(text, place, ciphers):
                return text
            cipher = ciphers.get(place.subject)
            if cipher is None:
                return stand_in(ERASED, place)
            return sealed_text.personal_text(place.subject, cipher.sealed(text, context))

        return seal

    async def revealed(self, things: Sequence[T]) -> list[T]:
        """The same events or rows, readable. What cannot be read reads `[erased]` or `[encrypted]`."""
        wanted: set[str] = set()
        if not note_sealed(things, wanted):
            return list(things)
        ciphers = await self._ciphers(wanted, are_made=False)
        erased = {subject for subject in wanted - set(ciphers) if await self._keys.is_erased(subject)}

        def reveal(text: str, place: Place) -> str:
            sealed = sealed_text.parse(text)
            if sealed is None:
                return text
            if sealed.subject in erased:
                return stand_in(ERASED, place)
            cipher = self._secrets if sealed.subject is None else ciphers.get(sealed.subject)
            opened = cipher.opened(sealed.ciphertext) if cipher else None
            return stand_in(ENCRYPTED, place) if opened is None else opened

        return [marked_fields.changed(thing, reveal) for thing in things]

    async def fingerprint(self, subject: str, content: bytes) -> str:
        """What tells equal content of one subject from other content, and tells nothing once its key is erased."""
        cipher = (await self._ciphers({subject}, are_made=True)).get(subject)
        return cipher.fingerprint(content) if cipher else hashlib.sha256(ERASED.encode()).hexdigest()

    def forget(self, subject: str) -> None:
        """Leaves nothing of its key in this process. Called when it was erased."""
        self._known.forget(subject)

    async def _ciphers(self, subjects: Collection[str], *, are_made: bool) -> dict[str, RepeatableCipher]:
        """The cipher of each subject that has a key."""
        known = {subject: cipher for subject in subjects if (cipher := self._known.get(subject)) is not None}
        unknown = [subject for subject in subjects if subject not in known]
        if not unknown:
            return known
        turns = asyncio.Semaphore(ASKED_AT_ONCE_MAX)

        async def one(subject: str) -> tuple[str, RepeatableCipher | None]:
            async with turns:
                key = await (self._keys.made(subject) if are_made else self._keys.existing(subject))
            return subject, None if key is None else self._known.remember(subject, key)

        found = await asyncio.gather(*(one(subject) for subject in unknown))
        return known | {subject: cipher for subject, cipher in found if cipher is not None}


class KnownCiphers:
    """Ciphers of the subjects that were met in the last minute, bounded; the oldest goes first.

    A key that is erased elsewhere is forgotten here within that minute.
    """

    KEPT_MAX: Final = 20_000
    KEPT_S: Final = 60.0

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._ciphers: dict[str, tuple[float, RepeatableCipher]] = {}

    def get(self, subject: str) -> RepeatableCipher | None:
        known = self._ciphers.get(subject)
        if known is None or self._monotonic_s() - known[0] >= self.KEPT_S:
            self._ciphers.pop(subject, None)
            return None
        return known[1]

    def remember(self, subject: str, key: bytes) -> RepeatableCipher:
        cipher = RepeatableCipher(key)
        self._ciphers.pop(subject, None)
        self._ciphers[subject] = (self._monotonic_s(), cipher)
        while len(self._ciphers) > self.KEPT_MAX:
            del self._ciphers[next(iter(self._ciphers))]
        return cipher

    def forget(self, subject: str) -> None:
        self._ciphers.pop(subject, None)


def note_subjects(events: Iterable[object], into: set[str]) -> bool:
    """Notes whose keys sealing takes. False where nothing is marked."""
    is_any = False

    def note(text: str, place: Place) -> str:
        nonlocal is_any
        is_any = True
        if place.subject is not None:
            into.add(place.subject)
        if isinstance(place.mark, PersonalOf) and place.mark.copied and (copy := sealed_subject(text)):
            into.add(copy)
        return text

    for event in events:
        marked_fields.changed(event, note)
    return is_any


def note_sealed(things: Iterable[object], into: set[str]) -> bool:
    """Notes whose keys revealing takes. False where nothing is sealed."""
    is_any = False

    def note(text: str, _place: Place) -> str:
        nonlocal is_any
        if text.startswith("~"):
            is_any = True
            if subject := sealed_subject(text):
                into.add(subject)
        return text

    for thing in things:
        marked_fields.changed(thing, note)
    return is_any


def sealed_subject(text: str) -> str | None:
    sealed = sealed_text.parse(text)
    return None if sealed is None else sealed.subject


def is_kept(text: str, place: Place, ciphers: Mapping[str, RepeatableCipher]) -> bool:
    """Whether a text is sealed already and may stay so.

    It has to be genuine, and the subject's own: somebody else's would be revealed to whoever typed it. Where texts are
    `copied` by the program none is ever typed like this.
    """
    sealed = sealed_text.parse(text)
    if sealed is None or sealed.subject is None:
        return False
    assert isinstance(place.mark, PersonalOf)
    if sealed.subject != place.subject and not place.mark.copied:
        return False
    cipher = ciphers.get(sealed.subject)
    return cipher is None or cipher.opened(sealed.ciphertext) is not None


def stand_in(text: str, place: Place) -> str:
    is_json = isinstance(place.mark, PersonalOf) and place.mark.holds_json
    return json.dumps(text) if is_json else text
