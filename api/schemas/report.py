"""Reports as JSON. The other forms of a report are files."""

from typing import Final, Literal

from pydantic import ConfigDict
from typing_extensions import TypedDict

from adapters.reports.forms import MEDIA_TYPE_OF
from api.schemas.fields import Digest, Instant, Position
from api.schemas.media import other_media
from commands.reports.report import SubjectKind

FILES: Final = other_media(MEDIA_TYPE_OF.values())


class ReportSubject(TypedDict):
    """Whom a report is about; `id` is empty for everybody."""

    kind: SubjectKind
    id: str


ReportPeriod = TypedDict("ReportPeriod", {"from": Instant, "to": Instant | None, "is_closed": bool})
"""`to` is null where it goes up to now."""


class ReportSpan(TypedDict):
    """The commits that a report was made from: those behind `after`, up to and including `through`."""

    after: Position
    through: Position


class Report(TypedDict):
    """Figures, and below each further name the rows of a table. Amounts are micro-credits, durations milliseconds.

    `digest` is that of everything else, as docs/reports.md says.
    """

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]  # Where pydantic looks for it.

    report: Literal["invoice", "statement", "usage", "audit"]
    version: int
    subject: ReportSubject
    period: ReportPeriod
    positions: ReportSpan
    rules: dict[str, list[int]]
    figures: dict[str, int]
    digest: Digest
