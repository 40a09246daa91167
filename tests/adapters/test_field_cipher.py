"""Marked texts are sealed for whom they are about, revealed with the key, and gone without it."""

import json
from dataclasses import dataclass, replace
from typing import Annotated

import pytest
from eventsourcing.cryptography import AESCipher
from eventsourcing.utils import Environment
from hypothesis import given
from hypothesis import strategies as st

from adapters import sealed_text
from adapters.field_cipher import FieldCipher, KnownCiphers, RepeatableCipher
from adapters.marked_fields import changed
from domain.personal import PersonalOf, SecretField

KEY = bytes(range(32))


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    text: Annotated[str, PersonalOf("owner_id")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    owner_id: str | None
    name: Annotated[str, PersonalOf("owner_id")]
    input_json: Annotated[str, PersonalOf("owner_id", holds_json=True, copied=True)] = "{}"
    password: Annotated[str, SecretField()] = ""
    amount_micro: int = 0
    notes: tuple[Note, ...] = ()
    nick: Annotated[str | None, PersonalOf("owner_id")] = None


class Keys:
    """Keys in memory; what the stream promises of them is tested on a server."""

    def __init__(self) -> None:
        self.by_subject: dict[str, bytes | None] = {}

    async def existing(self, subject: str) -> bytes | None:
        return self.by_subject.get(subject)

    async def made(self, subject: str) -> bytes | None:
        return self.by_subject.setdefault(subject, subject.encode().ljust(32, b"."))

    async def is_erased(self, subject: str) -> bool:
        return subject in self.by_subject and self.by_subject[subject] is None


def ada(**more: str) -> Written:
    return replace(Written(owner_id="a-1", name="Ada"), **more)  # type: ignore[arg-type]  # every field here is text


async def sealed_one(cipher: FieldCipher, event: Written, command_id: str = "c-1") -> Written:
    (found,) = await cipher.sealed([event], command_id)
    return found


async def test_a_sealed_event_holds_no_marked_text_and_all_the_rest() -> None:
    event = replace(
        ada(password="open sesame", input_json='{"x": "Ada"}'),
        notes=(Note(text="Ada wrote"), Note(text="more of Ada")),
        amount_micro=7,
    )
    sealed = await sealed_one(cipher := FieldCipher(Keys(), KEY), event)
    assert "Ada" not in repr(sealed)
    assert "sesame" not in repr(sealed)
    assert (sealed.owner_id, sealed.amount_micro, sealed.nick) == ("a-1", 7, None)
    assert await cipher.revealed([sealed]) == [event]


@given(name=st.text(), nick=st.none() | st.text())
async def test_any_text_comes_back(name: str, nick: str | None) -> None:
    cipher = FieldCipher(Keys(), KEY)
    event = replace(ada(name=name), nick=nick)
    assert await cipher.revealed([await sealed_one(cipher, event)]) == [event]


async def test_a_repeated_command_seals_the_same_bytes_and_another_command_others() -> None:
    keys = Keys()
    first = await sealed_one(FieldCipher(keys, KEY), ada())
    assert await sealed_one(FieldCipher(keys, KEY), ada()) == first
    assert (await sealed_one(FieldCipher(keys, KEY), ada(), "c-2")).name != first.name
    both = replace(ada(), notes=(Note(text="same"), Note(text="same")))
    one, other = (await sealed_one(FieldCipher(keys, KEY), both)).notes
    assert one != other


async def test_who_is_erased_is_unreadable_and_nobody_else() -> None:
    keys = Keys()
    cipher = FieldCipher(keys, KEY)
    sealed = await sealed_one(cipher, ada(input_json='{"x": 1}'))
    other = await sealed_one(cipher, Written(owner_id="a-2", name="Bob"))
    keys.by_subject["a-1"] = None
    cipher.forget("a-1")
    (found, kept) = await cipher.revealed([sealed, other])
    assert (found.name, kept.name) == ("[erased]", "Bob")
    assert json.loads(found.input_json) == "[erased]"


async def test_what_is_written_of_the_erased_is_not_kept_at_all() -> None:
    keys = Keys()
    keys.by_subject["a-1"] = None
    found = await sealed_one(FieldCipher(keys, KEY), ada())
    assert (found.name, found.input_json) == ("[erased]", '"[erased]"')


async def test_without_the_key_a_text_is_encrypted() -> None:
    sealed = await sealed_one(FieldCipher(Keys(), KEY), ada(password="open sesame"))
    (found,) = await FieldCipher(Keys(), bytes(32)).revealed([sealed])
    assert (found.name, found.password) == ("[encrypted]", "[encrypted]")
    assert sealed_text.shown(sealed.name) == "[encrypted]"
    assert sealed_text.shown("Ada") == "Ada"


async def test_texts_from_before_are_read_as_they_are() -> None:
    assert await FieldCipher(Keys(), KEY).revealed([ada()]) == [ada()]


async def test_where_nobody_is_known_the_text_stays_as_it_is() -> None:
    event = Written(owner_id=None, name="box")
    assert await sealed_one(FieldCipher(Keys(), KEY), event) == event


async def test_an_input_copied_for_another_run_stays_its_owners() -> None:
    keys = Keys()
    cipher = FieldCipher(keys, KEY)
    sealed = await sealed_one(cipher, ada(input_json='{"x": 1}'))
    copy = await sealed_one(cipher, Written(owner_id="network", name="check", input_json=sealed.input_json))
    assert copy.input_json == sealed.input_json
    keys.by_subject["a-1"] = None
    cipher.forget("a-1")
    (found,) = await cipher.revealed([copy])
    assert (found.name, found.input_json) == ("check", '"[erased]"')


async def test_a_text_of_somebody_else_that_was_typed_in_is_not_revealed() -> None:
    cipher = FieldCipher(Keys(), KEY)
    stolen = (await sealed_one(cipher, ada())).name
    typed = Written(owner_id="a-2", name=stolen)
    (found,) = await cipher.revealed([await sealed_one(cipher, typed)])
    assert found == typed


@pytest.mark.parametrize("text", ["~p1.a-1.AAAA", "~p1.a-1", "~p1.a-1.Ada", "~", "~s1.AAAA"])
async def test_a_text_that_only_looks_sealed_is_sealed(text: str) -> None:
    cipher = FieldCipher(Keys(), KEY)
    sealed = await sealed_one(cipher, ada(name=text))
    assert sealed.name != text
    assert await cipher.revealed([sealed]) == [ada(name=text)]


async def test_the_librarys_own_cipher_reads_what_is_sealed() -> None:
    cipher = RepeatableCipher(KEY)
    key = AESCipher(Environment(env={"CIPHER_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}))
    assert key.decrypt(cipher.sealed("Ada", "c-1")) == b"Ada"


async def test_a_fingerprint_tells_contents_and_subjects_apart() -> None:
    cipher = FieldCipher(Keys(), KEY)
    first = await cipher.fingerprint("a-1", b"x")
    assert first == await cipher.fingerprint("a-1", b"x")
    assert len({first, await cipher.fingerprint("a-1", b"y"), await cipher.fingerprint("a-2", b"x")}) == 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    name: Annotated[str, PersonalOf("nobody")]


def test_a_mark_that_names_no_field_is_told() -> None:
    with pytest.raises(TypeError, match="names no field"):
        changed(Wrong(name="x"), lambda text, _place: text)


def test_a_key_is_remembered_for_a_minute_and_no_longer() -> None:
    now_s = 0.0
    known = KnownCiphers(lambda: now_s)
    made = known.remember("a-1", KEY)
    now_s = 59.0
    assert known.get("a-1") is made
    now_s = 60.0
    assert known.get("a-1") is None


def test_the_key_that_was_met_longest_ago_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KnownCiphers, "KEPT_MAX", 2)
    known = KnownCiphers()
    for subject in ("a-1", "a-2", "a-3"):
        known.remember(subject, KEY)
    assert [known.get(subject) is None for subject in ("a-1", "a-2", "a-3")] == [True, False, False]
