"""What is not built says so, and nothing else."""

import pytest

from api.routes.not_built import router
from domain.api_key import Scope
from tests.api.network import Network

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROUTES = [(method, route.path) for route in router.routes for method in route.methods]  # type: ignore[attr-defined]  # all are APIRoutes


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_what_is_not_built_is_not_available(network: Network, method: str, path: str) -> None:
    person = await network.person(scopes=tuple(Scope))
    answer = await network.http.request(
        method, path.replace("{", "").replace("}", ""), headers=person.headers
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (501, "not_available")
    assert "not built yet" in answer.json()["message"]
