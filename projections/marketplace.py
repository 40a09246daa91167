"""The marketplace beside the catalogue: reviews and ratings of cargos, and submissions of new ones."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from commands.event_log import Commit
from projections import named_sql
from projections.contract import Transaction
from projections.live_batch import KnownRows, Write, folded
from projections.reviews import RATINGS, REVIEWS
from projections.submissions import SUBMISSIONS

SQL: Final = named_sql.load(Path(__file__).with_suffix(".sql"))
FOLDS: Final = (REVIEWS, RATINGS, SUBMISSIONS)


class Marketplace:
    name = "marketplace"
    version = 1
    concerns = frozenset[type]().union(*(fold.concerns for fold in FOLDS))
    migrations = named_sql.migrations(SQL)
    tables: Mapping[str, tuple[str, ...]] = {fold.table.name: fold.table.key for fold in FOLDS}

    async def apply(self, tx: Transaction, commits: Sequence[Commit]) -> None:
        for fold in FOLDS:
            await fold.apply(tx, commits)

    async def writes(self, tx: Transaction, commits: Sequence[Commit], known: KnownRows) -> Sequence[Write]:
        return [await folded(fold, tx, commits, known) for fold in FOLDS]
