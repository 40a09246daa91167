"""The page of routes, from the OpenAPI document that the coordinator serves. Called by `docs.generate`."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from api.app import routed_app
from docs.wording import NOTICE, paragraphs, sentence, table

INTRO = """\
Every route of the coordinator, by what it is about. The scope is one of the key or session that calls; `-` needs none.
A success has the form that is named; `-` where nothing is built yet. Field by field: `/api/v1/openapi.json` of a
coordinator that runs, or `/api/v1/docs` in a browser. How to call them: [api.md](api.md)."""
OPEN = "-"


def routes_page() -> str:
    """One table for each tag of the document, in its order."""
    lines = ["# Routes", NOTICE, INTRO]
    for tag, rows in sections(routed_app().openapi()).items():
        lines += [f"## {sentence(tag)}", table(("route", "scope", "what it does", "success"), rows)]
    return paragraphs(lines)


def sections(document: Mapping[str, Any]) -> Mapping[str, list[tuple[str, ...]]]:
    found: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            first = operation["description"].partition("\n\n")[0].replace("\n", " ")
            success = ", ".join(successes(operation)) or OPEN
            row = (f"`{method.upper()} {path}`", ", ".join(scopes(operation)) or OPEN, first, success)
            found[operation["tags"][0]].append(row)
    return found


def scopes(operation: Mapping[str, Any]) -> Iterator[str]:
    for one in operation.get("security", ()):
        for names in one.values():
            yield from names


def successes(operation: Mapping[str, Any]) -> Iterator[str]:
    """The name of a form in the document, or a media type that is not JSON."""
    for status, answer in operation["responses"].items():
        for media_type, media in answer.get("content", {}).items() if status.startswith("2") else ():
            is_json = media_type == "application/json"
            yield from map(code, forms(media["schema"])) if is_json else (code(media_type),)


def forms(schema: Mapping[str, Any]) -> Iterator[str]:
    if "anyOf" in schema:
        for one in schema["anyOf"]:
            yield from forms(one)
    elif schema.get("type") == "array":
        yield from (f"{name}[]" for name in forms(schema["items"]))
    else:
        yield schema["$ref"].rpartition("/")[2] if "$ref" in schema else "object"


def code(text: str) -> str:
    return f"`{text}`"
