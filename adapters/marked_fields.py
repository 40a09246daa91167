"""Finds the marked fields of a dataclass, however deep, and changes them. Knows nothing of keys.

Used by the field cipher for events and rows alike. What a type has is looked up once and remembered.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Annotated, Any, Final, TypeVar, get_args, get_origin, get_type_hints

from domain.personal import PersonalOf, SecretField

T = TypeVar("T")

Mark = PersonalOf | SecretField


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a marked text stands. `subject` is whom it is about: None for a secret, and where nobody is known.

    `name` tells it from every other marked text of the same commit.
    """

    mark: Mark
    subject: str | None
    name: str


Change = Callable[[str, Place], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """What a type has: its own marked fields, and the fields whose parts have some."""

    own: tuple[tuple[str, Mark], ...]
    parts: tuple[str, ...]


NOTHING: Final = Marked(own=(), parts=())
_marked: dict[type, Marked] = {}


def marked(kind: type) -> Marked:
    found = _marked.get(kind)
    if found is None:
        found = _marked[kind] = look_up(kind)
    return found


def look_up(kind: type) -> Marked:
    if not is_dataclass(kind):
        return NOTHING
    hints = get_type_hints(kind, include_extras=True)
    own, parts = [], []
    for field in fields(kind):
        if (mark := mark_of(hints[field.name])) is not None:
            own.append((field.name, mark))
        elif any(marked(part) != NOTHING for part in dataclasses_in(hints[field.name])):
            parts.append(field.name)
    return Marked(own=tuple(own), parts=tuple(parts))


def mark_of(hint: Any) -> Mark | None:
    if get_origin(hint) is not Annotated:
        return None
    return next((extra for extra in get_args(hint)[1:] if isinstance(extra, PersonalOf | SecretField)), None)


def dataclasses_in(hint: Any) -> list[type]:
    """The dataclasses that a field of this type may hold, alone or in a tuple."""
    if isinstance(hint, type) and is_dataclass(hint):
        return [hint]
    return [found for part in get_args(hint) for found in dataclasses_in(part)]


def changed(thing: T, change: Change) -> T:
    """The same with every marked text changed; the very same where nothing is marked or nothing changed."""
    return thing if marked(type(thing)) == NOTHING else _changed(thing, change, (), "")


def _changed(thing: Any, change: Change, around: tuple[Any, ...], path: str) -> Any:
    has = marked(type(thing))
    new: dict[str, Any] = {}
    for name, mark in has.own:
        text = getattr(thing, name)
        if text is not None:
            place = Place(mark=mark, subject=subject_of(mark, (thing, *around)), name=f"{path}{name}")
            if (put := change(text, place)) is not text:
                new[name] = put
    for name in has.parts:
        value = getattr(thing, name)
        inner = (thing, *around)
        if isinstance(value, tuple):
            items = [
                _changed(item, change, inner, f"{path}{name}.{number}.") for number, item in enumerate(value)
            ]
            if any(item is not old for item, old in zip(items, value, strict=True)):
                new[name] = tuple(items)
        elif value is not None and (put := _changed(value, change, inner, f"{path}{name}.")) is not value:
            new[name] = put
    return replace(thing, **new) if new else thing


def subject_of(mark: Mark, things: tuple[Any, ...]) -> str | None:
    """The id in the nearest thing around the field that has it."""
    if isinstance(mark, SecretField) or mark.subject is None:
        return None
    for thing in things:
        if hasattr(thing, mark.subject):
            found: str | None = getattr(thing, mark.subject)
            return found
    raise TypeError(f"{type(things[0]).__name__}: {mark} names no field of it or around it")
