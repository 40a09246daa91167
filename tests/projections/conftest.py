"""A database for a whole module of tests that undo what they do: making one takes longer than most of them."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql


@pytest.fixture(scope="module")
def module_database(postgres_dsn: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The connection URL of a database that only this module's tests see. Roll back what you do in it."""
    name = request.module.__name__.rpartition(".")[2]
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield f"{postgres_dsn.rpartition('/')[0]}/{name}"
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
