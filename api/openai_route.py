"""Routes as OpenAI's clients expect them: a wrong field is a 400, and what a repetition cannot mend says so.

Set as the route class of every router that speaks OpenAI's language. The body of an error is that of all routes.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from api.error_answers import error_answer, of_validation
from api.errors import ApiError, ErrorCode, of_rejection
from api.strict_json import StrictRoute
from domain.rejection import Rejected

BAD_REQUEST: Final = 400
FINAL: Final = frozenset(
    {ErrorCode.NO_HOSTS, ErrorCode.JOB_FAILED, ErrorCode.JOB_FINISHED, ErrorCode.CARGO_DISABLED}
)
"""OpenAI's clients repeat 409 and 5xx by themselves; here that would wait, or pay, once more for the same answer."""


class OpenAiRoute(StrictRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_in_their_form(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                return openai_error(request, of_validation(error.errors()))
            except Rejected as rejected:
                return openai_error(request, of_rejection(rejected))
            except ApiError as error:
                return openai_error(request, error)

        return handle_in_their_form


def openai_error(request: Request, error: ApiError) -> Response:
    if error.code is ErrorCode.INVALID:
        error.status_code = BAD_REQUEST
    response = error_answer(request, error)
    if error.code in FINAL:
        response.headers["X-Should-Retry"] = "false"
    return response
