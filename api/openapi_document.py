"""The OpenAPI document as clients need it: what a failure looks like, and operations named for people.

Called by `api.app`. The framework writes the paths, the parameters and the bodies; it would describe its own form of a
failure, which no client ever meets here.
"""

from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api.errors import STATUS, ErrorCode

BASE: Final = "/api/v1"
FRAMEWORK_SCHEMAS: Final = ("HTTPValidationError", "ValidationError")
DESCRIPTION: Final = (
    "Every answer is one JSON object. A success is 200 or 201; whatever else comes has the form of `Failure`, whose "
    "`error.code` is stable. A write answers with the header `Archipelago-Position`; a read with `?after=` that number "
    "waits until it sees the write."
)
FAILURE: Final[dict[str, Any]] = {
    "type": "object",
    "description": "Why a request was refused. Clients of the published command line get the bare code as `error`.",
    "required": ["error", "message", "request_id"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "type", "message"],
            "properties": {
                "code": {"type": "string", "enum": list(ErrorCode)},
                "type": {"type": "string", "description": "The family, in the words of OpenAI's clients."},
                "message": {"type": "string"},
                "param": {"type": "string", "description": "The field that broke a rule."},
            },
        },
        "message": {"type": "string", "description": "What is wrong and what to do, for a person."},
        "errors": {
            "type": "object",
            "description": "The broken rules by field.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
        "request_id": {"type": "string"},
    },
}


def operation_id(route: APIRoute) -> str:
    """The function's name; an address outside of the base is a second one of the same function."""
    return route.name if route.path.startswith(f"{BASE}/") else f"{route.name}_alias"


def install(app: FastAPI) -> None:
    """Makes the application serve this document. It is written once, when it is first asked for."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = written(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # The framework names no other way.


def written(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in FRAMEWORK_SCHEMAS:
        schemas.pop(name, None)
    schemas["Failure"] = FAILURE
    components["responses"] = {"Failure": failure_response()}
    for operation in operations(document):
        responses = operation["responses"]
        responses.pop("422", None)
        responses["default"] = {"$ref": "#/components/responses/Failure"}
    return document


def failure_response() -> dict[str, Any]:
    codes = sorted({f"{STATUS[code]} `{code}`" for code in ErrorCode} | {f"400 `{ErrorCode.INVALID}`"})
    return {
        "description": f"The request was refused: {', '.join(codes)}.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}},
    }


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        yield from methods.values()
