"""Everything outside the programs that outlives them: log, database, mailboxes, streams, and the links to them."""

from collections.abc import Callable
from dataclasses import dataclass

from domain.claim import ClaimRejection
from tests.simulation.claims import ClaimStream, StoredClaim
from tests.simulation.event_log import LogServer
from tests.simulation.mailboxes import MailServer
from tests.simulation.network import Network
from tests.simulation.outputs import OutputServer
from tests.simulation.process_store import StoreServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """`tell` writes the history, `tell_defect` ends it: a program did what it never should."""

    network: Network
    log: LogServer
    store: StoreServer
    mail: MailServer
    outputs: OutputServer
    claims: ClaimStream
    now_ms: Callable[[], int]
    tell: Callable[[str, str], None]
    tell_defect: Callable[[str, BaseException], None]
    heard_refusal: Callable[[StoredClaim, ClaimRejection], None]
