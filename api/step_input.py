"""The input of a workflow's step: a template, and the outputs of other steps that its placeholders stand for.

`{{KEY.output.text}}` is all that the step KEY has put out. `{{KEY.output.json}}` is the same read as JSON, and
`{{KEY.output.json.a.0}}` a value in it. A text that is one placeholder becomes the value itself; inside a longer text
the value is written out. Used by the route that takes workflows and by the worker that runs them.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

MARK: Final = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
REFERENCE: Final = re.compile(
    r"\s*(?P<key>[A-Za-z0-9_-]{1,40})\.output\.(?P<kind>text|json)(?P<path>(?:\.[^.{}\s]{1,100})*)\s*"
)


class BadPlaceholder(ValueError):
    """It has another form than the two there are."""


class NoSuchValue(ValueError):
    """The output of a step is no JSON, or has nothing at that place. The message holds nothing of the output."""


def keys_in(template: Any) -> Iterator[str]:
    """The steps whose output is wanted, as often as they are. Raises `BadPlaceholder`."""
    for text in texts_in(template):
        for mark in MARK.finditer(text):
            yield reference_in(mark[1])["key"]


def texts_in(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for inner in value.values():
                yield from texts_in(inner)
        case list():
            for inner in value:
                yield from texts_in(inner)
        case _:
            pass


def reference_in(inside: str) -> "re.Match[str]":
    found = REFERENCE.fullmatch(inside)
    if found is None or (found["kind"] == "text" and found["path"]):
        raise BadPlaceholder("placeholders are {{KEY.output.text}} and {{KEY.output.json.FIELD}}")
    return found


def filled(template: Any, outputs: Mapping[str, str]) -> Any:
    """The template with what its placeholders stand for; `outputs` has every step they name. Raises `NoSuchValue`."""
    match template:
        case str():
            whole = MARK.fullmatch(template)
            if whole is not None and whole[1].count("{{") == 0:
                return value_of(whole[1], outputs)
            return MARK.sub(lambda mark: as_text(value_of(mark[1], outputs)), template)
        case dict():
            return {name: filled(inner, outputs) for name, inner in template.items()}
        case list():
            return [filled(inner, outputs) for inner in template]
        case _:
            return template


def value_of(inside: str, outputs: Mapping[str, str]) -> Any:
    found = reference_in(inside)
    text = outputs[found["key"]]
    if found["kind"] == "text":
        return text
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise NoSuchValue(
            f"the output of {found['key']} is no JSON; use {{{{{found['key']}.output.text}}}}"
        ) from None
    for name in found["path"].split(".")[1:]:
        value = inside_of(value, name, found)
    return value


def inside_of(value: Any, name: str, reference: "re.Match[str]") -> Any:
    try:
        return value[int(name)] if isinstance(value, list) else value[name]
    except (KeyError, IndexError, TypeError, ValueError):
        raise NoSuchValue(
            f"the output of {reference['key']} has nothing at {reference['path'][1:]}"
        ) from None


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
