"""JSON bodies read strictly: no NaN, no infinity, no broken Unicode, no depth that exhausts the stack.

Set as the route class of every router in `api.routes`. What is accepted here can be encoded again without changing
its meaning, so what was validated is exactly what is stored.
"""

import json
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response


class StrictRequest(Request):
    async def json(self) -> Any:
        """The body's value. Raises `json.JSONDecodeError`, which the framework expects of an unreadable body."""
        body = await self.body()
        try:
            return msgspec.json.decode(body)
        except RecursionError:
            raise json.JSONDecodeError("nested too deeply", "", 0) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise json.JSONDecodeError(str(error), "", 0) from None


class StrictRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(StrictRequest(request.scope, request.receive))

        return handle_strictly
