"""Writes `errors.md`: every closed set of codes, with what each tells a person. Called by `docs.generate`."""

import ast
import importlib
import inspect
import io
import textwrap
import tokenize
from collections.abc import Iterator
from enum import StrEnum
from types import ModuleType

from docs.wording import NOTICE, paragraphs, sentence, table, unwrapped, words
from domain.failure import FAULT_OF

CODE_MODULES = ("api.errors", "domain.rejection", "domain.claim", "domain.placement", "domain.failure")
INTRO = """\
Every refusal and every failure carries one of these codes. They are stable, so programs may rely on them. Where a fault
is named it decides what follows: the cargo's own fault is final, any other is tried on another island."""


def errors_page() -> str:
    """Every closed set of codes that a person or a program may meet."""
    lines = [
        "# Codes",
        NOTICE,
        INTRO,
    ]
    for module in map(importlib.import_module, CODE_MODULES):
        sets = list(code_sets(module))
        if not sets:
            raise LookupError(
                f"{module.__name__}: give its codes as a StrEnum with a comment beside each member"
            )
        for codes in sets:
            lines += [f"## {sentence(words(codes.__name__))}", code_intro(codes), code_table(codes)]
    return paragraphs(lines)


def code_sets(module: ModuleType) -> Iterator[type[StrEnum]]:
    """The sets defined in `module`, in the order they are written."""
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, StrEnum) and value.__module__ == module.__name__:
            yield value


def code_intro(codes: type[StrEnum]) -> str:
    own = codes.__dict__.get("__doc__")
    return f"{unwrapped(inspect.cleandoc(own)) if own else ''} (`{codes.__name__}` in `{codes.__module__}`)".strip()


def code_table(codes: type[StrEnum]) -> str:
    said = meanings(codes)
    if not any(member in FAULT_OF for member in codes):
        return table(("code", "what it tells"), [(f"`{code}`", said[code.name]) for code in codes])
    faults: dict[str, str] = {str(code): str(fault) for code, fault in FAULT_OF.items()}
    rows = [(f"`{code}`", said[code.name], faults.get(str(code), "")) for code in codes]
    return table(("code", "what it tells", "whose fault"), rows)


def meanings(codes: type[StrEnum]) -> dict[str, str]:
    """The comment beside each member of a set of codes, or the whole-line comment above it.

    Raises LookupError, naming the member, where there is none: a code alone tells a person nothing.
    """
    source = textwrap.dedent(inspect.getsource(codes))
    beside, above = comments(source)
    body = ast.parse(source).body[0]
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for node in body.body:
        if not isinstance(node, ast.Assign):
            continue
        name = ast.unparse(node.targets[0])
        text = beside.get(node.end_lineno or node.lineno) or above.get(node.lineno - 1)
        if text is None:
            raise LookupError(f"{codes.__module__}.{codes.__name__}.{name}: add a comment: what to do next")
        found[name] = text
    return found


def comments(source: str) -> tuple[dict[int, str], dict[int, str]]:
    """Comments that end a line of code, by that line; and whole-line comments, joined, by their last line."""
    beside: dict[int, str] = {}
    above: dict[int, str] = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            line, text = token.start[0], token.string.lstrip("# ")
            if token.line.lstrip().startswith("#"):
                above[line] = f"{above.get(line - 1, '')} {text}".strip()
            else:
                beside[line] = text
    return beside, above
