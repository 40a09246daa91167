"""Frozen dataclasses with anything in them that their annotations allow, for tests of what shows rows."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

LATEST_MS: Final = 4_000_000_000_000
COUNT_MAX: Final = 10**12
PLAIN: Final[dict[Any, st.SearchStrategy[Any]]] = {
    bool: st.booleans(),
    int: st.integers(0, COUNT_MAX),
    float: st.floats(0, COUNT_MAX),
    str: st.text(max_size=8),
    NoneType: st.none(),
}


def any_of(kind: Any, name: str = "") -> st.SearchStrategy[Any]:
    """Values of a type. `name` is the field's: it says what is a time (Unix ms), and which text holds JSON."""
    if hasattr(kind, "__supertype__"):
        return any_of(kind.__supertype__, name)
    if kind is int and name.endswith("_ms"):
        return st.integers(0, LATEST_MS)
    if kind is str and name.endswith(("_json", "_schema")):
        return st.just('{"type":"object"}')
    if kind in PLAIN:
        return PLAIN[kind]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    if is_dataclass(kind):
        return any_row(kind)
    return any_generic(get_origin(kind), get_args(kind), name)


def any_generic(origin: Any, arguments: tuple[Any, ...], name: str) -> st.SearchStrategy[Any]:
    if origin is Annotated:
        return any_of(arguments[0], name)
    if origin in {Union, UnionType}:
        return st.one_of(*(any_of(one, name) for one in arguments))
    if origin in {list, tuple}:
        return st.lists(any_of(arguments[0]), max_size=2).map(origin)
    if origin is frozenset:
        return st.frozensets(any_of(arguments[0]), max_size=2)
    if issubclass(origin, Mapping):
        return st.dictionaries(any_of(arguments[0]), any_of(arguments[1]), max_size=2)
    raise AssertionError(f"no strategy for {origin} of {name}")


def any_row(kind: Any, **fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """`fixed` are fields of which not everything will do."""
    hints = get_type_hints(kind, include_extras=True)
    loose = {
        field.name: any_of(hints[field.name], field.name) for field in fields(kind) if field.name not in fixed
    }
    return st.builds(kind, **loose, **fixed)
