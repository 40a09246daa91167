"""Forms that answers share: a message, a page of rows, and the second form of an answer that SDKs read."""

from functools import cache
from typing import Annotated, Any, Final, get_type_hints

from pydantic import Field
from typing_extensions import TypedDict

TYPED_DICT: Final[Any] = TypedDict
"""Under a name that type checkers do not know: they want the fields written down."""


class Message(TypedDict):
    """What was done, in words."""

    message: str


class PageMeta(TypedDict):
    """`total` is how many rows there are in all."""

    total: int
    limit: int
    offset: int


@cache
def with_data(form: Any) -> Any:
    """The form, and once more the same below `data`."""
    same = Annotated[form, Field(description="The same once more, for SDKs.")]
    return TYPED_DICT(f"{form.__name__}Answer", fields_of(form) | {"data": same})


@cache
def rows_of(name: str, row: Any, **about: Any) -> Any:
    """All rows under their own name, and their `data` forms, as far as they have one, below `data`."""
    data: Any = fields_of(row).get("data", row)
    fields = about | {name: list[row], "count": int, "data": list[data]}
    return TYPED_DICT(f"{row.__name__.removesuffix('Answer')}List", fields)


@cache
def page_of(name: str, row: Any, **about: Any) -> Any:
    """A page of rows, as `api.answers.list_answer` makes it; `about` says what they are of."""
    title = f"{row.__name__.removesuffix('Answer')}Page"
    return TYPED_DICT(title, fields_of(rows_of(name, row, **about)) | {"meta": PageMeta})


def fields_of(form: Any) -> dict[str, Any]:
    return get_type_hints(form, include_extras=True)
