"""How a command ends when it does not succeed: one sentence, the next step, an exit code.

Raised anywhere below `cli`; `cli.main` turns it into two lines on stderr. Everything else that is raised is a defect
and shows its traceback.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a script may rely on."""

    OK = 0
    FAILED = 1
    USAGE = 2
    INTERRUPTED = 130


class CommandFailed(Exception):
    """`message` reads `field: rule` where a field is to blame; `next_step` is a sentence that says what to do."""

    def __init__(self, message: str, *, next_step: str = "", code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step
        self.code = code


def wrong_usage(field: str, rule: str, *, next_step: str = "") -> CommandFailed:
    """An option or argument that cannot be used as it was given."""
    return CommandFailed(f"{field}: {rule}", next_step=next_step, code=ExitCode.USAGE)
