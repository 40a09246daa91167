"""Writes the reference pages from the code they describe: events, errors, settings, commands, routes.

Called by `make docs`; tests/test_docs.py compares what stands in the folder with `pages()`, so a page cannot go stale.
What a page says comes from docstrings, from field names and from the comment beside each code: improve those.
"""

import dataclasses
import importlib
import inspect
import os
import subprocess
import sys
import typing
from itertools import groupby
from pathlib import Path
from types import ModuleType

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from adapters.codec import EVENTS, current_version
from docs.codes import errors_page
from docs.routes import routes_page
from docs.wording import NOTICE, first_paragraph, kind, paragraphs, sentence, table, unwrapped, words

DOCS = Path(__file__).resolve().parent
SETTINGS_MODULES = {
    "Coordinator": "api.settings",
    "Island": "island.settings",
    "Registrar and door": "registrar.settings",
}
CLI_S = 60

EVENTS_INTRO = """\
Everything that happened, as the log keeps it. A stored name never changes and is never used for something else; an
event that was written in an older version is lifted to the one below when it is read. How to add one:
[checklists/add-an-event.md](checklists/add-an-event.md)."""
SETTINGS_INTRO = """\
Each is an environment variable; the options of a command win over them. A value that cannot be used stops the program
at its start, with the name of the setting and the rule it breaks."""


def main() -> None:
    """Write every page; print which ones changed."""
    for name, text in pages().items():
        page = DOCS / name
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")
            print(f"written: docs/{name}")


def pages() -> dict[str, str]:
    """Every generated page: its file name in this folder, and its whole text."""
    return {
        "cli.md": cli_page(),
        "errors.md": errors_page(),
        "events.md": events_page(),
        "routes.md": routes_page(),
        "settings.md": settings_page(),
    }


def cli_page() -> str:
    """What typer says of its own commands, which is what `--help` says."""
    command = [sys.executable, "-m", "typer", "cli.main", "utils", "docs", "--name", "archipelago"]
    environment = os.environ | {"NO_COLOR": "1", "COLUMNS": "100"}
    run = subprocess.run(
        command, cwd=DOCS.parent, env=environment, capture_output=True, text=True, check=False, timeout=CLI_S
    )
    if run.returncode != 0:
        raise RuntimeError(f"typer could not describe cli.main: {run.stderr.strip()}")
    return f"{NOTICE}\n\n{run.stdout.strip()}\n"


def events_page() -> str:
    """One section for each category, one part for each stored event with all its fields."""
    lines = [
        "# Events",
        NOTICE,
        EVENTS_INTRO,
    ]
    for category, names in groupby(sorted(EVENTS), key=lambda name: name.partition(".")[0]):
        section = list(names)
        lines += [f"## {sentence(category)}", first_paragraph(sys.modules[EVENTS[section[0]].__module__])]
        for name in section:
            lines += event_part(name, EVENTS[name])
    return paragraphs(lines)


def event_part(name: str, event: type) -> list[str]:
    hints = typing.get_type_hints(event)
    rows = [(f"`{field.name}`", kind(hints[field.name], field.name)) for field in dataclasses.fields(event)]
    return [
        f"### `{name}`, version {current_version(name)}",
        event_sentence(event),
        table(("field", "what it is"), rows),
    ]


def event_sentence(event: type) -> str:
    """The docstring as one paragraph; an event that needs none is a sentence already."""
    docstring = inspect.cleandoc(event.__doc__ or "")
    is_made_by_dataclass = docstring.startswith(f"{event.__name__}(")
    if is_made_by_dataclass or not docstring:
        return sentence(words(event.__name__)) + "."
    return unwrapped(docstring)


def settings_page() -> str:
    """Every environment variable, by the program that reads it."""
    lines = ["# Settings", NOTICE, SETTINGS_INTRO]
    for program, name in SETTINGS_MODULES.items():
        module = importlib.import_module(name)
        lines += [f"## {program}", first_paragraph(module)]
        for model in settings_models(module):
            rows = [setting_row(model, name, info) for name, info in model.model_fields.items()]
            lines.append(table(("variable", "kind", "default", "what it does"), rows))
    return paragraphs(lines)


def setting_row(model: type[BaseSettings], name: str, info: FieldInfo) -> tuple[str, ...]:
    """Raises LookupError, naming the field, where it has no description."""
    if not info.description:
        place = f"{model.__module__}.{model.__name__}.{name}"
        raise LookupError(f"{place}: say what it does in Field(description=…)")
    return (
        f"`{variable(model, name)}`",
        kind(info.annotation, name),
        default(info),
        unwrapped(info.description),
    )


def settings_models(module: ModuleType) -> list[type[BaseSettings]]:
    """The settings classes written in `module`. Raises LookupError where there is none."""
    models = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, BaseSettings)
        and value.__module__ == module.__name__
        and value.model_config.get("env_prefix")  # One without is what others have in common.
    ]
    if not models:
        raise LookupError(f"{module.__name__}: define a pydantic_settings.BaseSettings there")
    return models


def variable(model: type[BaseSettings], name: str) -> str:
    """The environment variable of one field."""
    return f"{model.model_config.get('env_prefix', '')}{name}".upper()


def default(info: FieldInfo) -> str:
    if info.is_required():
        return "must be given"
    value = info.default.get_secret_value() if isinstance(info.default, SecretStr) else info.default
    # A value that the machine decides would make the page differ from one machine to the next.
    if info.default_factory is not None or (isinstance(value, Path) and value.is_absolute()):
        return "found at start"
    return "none" if value in (None, "") else f"`{value}`"


if __name__ == "__main__":
    main()
