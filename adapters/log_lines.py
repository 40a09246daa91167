"""How our programs write their log: one line for each event, with its fields behind it as `name=value`.

Set up by the composition roots at their start. Each value is bounded and escaped, so whatever a stranger has put into a
field cannot forge a line.
"""

import json
import logging
from typing import Final

VALUE_CHARACTERS_MAX: Final = 500
ALWAYS_THERE: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
"""What every record has, and the second message of uvicorn's, which is for terminals."""


class LogLines(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        fields = (
            f" {name}={shown(value)}" for name, value in vars(record).items() if name not in ALWAYS_THERE
        )
        return super().formatMessage(record) + "".join(fields)


def shown(value: object) -> str:
    """As JSON where it is simple, else as text; cut off where it is long."""
    simple = value if isinstance(value, bool | int | float | None) else str(value)[:VALUE_CHARACTERS_MAX]
    return json.dumps(simple)


def write_log(level: int) -> None:
    """On stderr, from that level on. To be called once, by a program."""
    handler = logging.StreamHandler()
    handler.setFormatter(LogLines())
    logging.basicConfig(level=level, handlers=[handler])
