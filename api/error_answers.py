"""Every failure as one body. The only place that turns an exception into an HTTP answer.

Installed by `api.app`. The body serves three readers at once: `error` is an object for SDKs and a plain code for the
published command line (told by its User-Agent), `message` and `errors` are what the SDKs read.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from nats.errors import Error as NatsError
from psycopg import OperationalError
from psycopg_pool import PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import Response

from adapters.nats.registrar_client import NoDocuments
from adapters.nats.replies import Unanswered
from api.answers import answer
from api.envelope import request_id_of
from api.errors import ApiError, ErrorCode, of_refused_documents, of_rejection
from api.pattern_rules import rule_of_pattern
from commands.event_log import Conflict, LogUnavailable
from domain.rejection import Rejected

CLI_AGENT: Final = "archipelagio-cli/"
TYPES: Final = {
    401: "authentication_error",
    402: "insufficient_credits_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
MESSAGE_CHARACTERS_MAX: Final = 500
FIELD_ERRORS_MAX: Final = 20

log = logging.getLogger(__name__)


def install(app: FastAPI) -> None:
    app.add_exception_handler(ApiError, on_api_error)
    app.add_exception_handler(Rejected, on_rejected)
    app.add_exception_handler(NoDocuments, on_no_documents)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(Conflict, on_conflict)
    for unavailable in (LogUnavailable, Unanswered, NatsError, OperationalError, PoolTimeout, TimeoutError):
        app.add_exception_handler(unavailable, on_unavailable)
    app.add_exception_handler(Exception, on_defect)


def error_answer(request: Request, error: ApiError) -> Response:
    request_id = request_id_of(request.scope)
    message = error.message[:MESSAGE_CHARACTERS_MAX]
    detail: dict[str, Any] = {
        "code": error.code,
        "type": TYPES.get(
            error.status_code, "api_error" if error.status_code >= 500 else "invalid_request_error"
        ),
        "message": message,
    }
    if error.fields:
        detail["param"] = next(iter(error.fields))
    is_cli = request.headers.get("user-agent", "").startswith(CLI_AGENT)
    body: dict[str, Any] = {"error": error.code if is_cli else detail, "message": message}
    if error.fields:
        body["errors"] = error.fields
    body |= {**error.facts, "request_id": request_id}
    headers = {"Retry-After": str(error.retry_after_s)} if error.retry_after_s is not None else {}
    if error.code is ErrorCode.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = "Bearer"
    return answer(body, status=error.status_code, headers=headers)


async def on_api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error_answer(request, error)


async def on_rejected(request: Request, error: Exception) -> Response:
    assert isinstance(error, Rejected)
    return error_answer(request, of_rejection(error))


async def on_no_documents(request: Request, error: Exception) -> Response:
    assert isinstance(error, NoDocuments)
    return error_answer(request, of_refused_documents(error))


async def on_conflict(request: Request, _: Exception) -> Response:
    message = "others changed the same thing at the same moment; repeat the request"
    return error_answer(request, ApiError(ErrorCode.CONFLICT, message))


async def on_unavailable(request: Request, error: Exception) -> Response:
    log.warning("api_unavailable", extra={"path": request.url.path, "error": repr(error)})
    message = "the coordinator cannot reach its event log or database; repeat the request in a moment"
    return error_answer(request, ApiError(ErrorCode.UNAVAILABLE, message))


async def on_defect(request: Request, error: Exception) -> Response:
    log.error("api_defect", exc_info=error, extra={"request_id": request_id_of(request.scope)})
    return error_answer(
        request, ApiError(ErrorCode.INTERNAL, "the coordinator failed; report the request_id")
    )


async def on_http(request: Request, error: Exception) -> Response:
    """What the framework itself answers: unknown paths, wrong methods."""
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return error_answer(request, ApiError(ErrorCode.NOT_FOUND, f"no such path: {request.url.path}"))
    if error.status_code == 405:
        message = f"{request.method} is not possible on {request.url.path}"
        return error_answer(request, ApiError(ErrorCode.UNSUPPORTED, message))
    return error_answer(request, ApiError(ErrorCode.MALFORMED, "the request could not be read"))


async def on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return error_answer(request, of_validation(error.errors()))


def of_validation(problems: Sequence[Mapping[str, Any]]) -> ApiError:
    """What pydantic found, by field."""
    first = problems[0]
    if first["type"] == "json_invalid":
        return ApiError(ErrorCode.MALFORMED, f"body: not valid JSON: {first['ctx']['error']}")
    if first["loc"] in {("body",), ()}:
        rule = "send one JSON object with Content-Type: application/json"
        return ApiError(ErrorCode.MALFORMED, f"body: {rule}")
    fields: dict[str, list[str]] = {}
    for problem in problems[:FIELD_ERRORS_MAX]:
        # The first part of the location is where it stood: body, query, path or header.
        field = ".".join(str(part) for part in problem["loc"][1:])[:MESSAGE_CHARACTERS_MAX]
        fields.setdefault(field, []).append(rule_of(problem))
    field, rules = next(iter(fields.items()))
    return ApiError(ErrorCode.INVALID, f"{field}: {rules[0]}", fields=fields)


def rule_of(problem: Mapping[str, Any]) -> str:
    """The rule that was broken, in words; our own validators bring theirs."""
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    if problem["type"] == "string_pattern_mismatch":
        return rule_of_pattern(str(problem["ctx"]["pattern"]))
    text = str(problem["msg"])
    return text[0].lower() + text[1:]
