"""Everything the API is given: the write side, the read side and the fabric. Built in `api.main`, and by the tests.

What stands here is the whole of what routes may reach; nothing else in the API opens a connection.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.email_address import EmailIndex
from adapters.field_cipher import FieldCipher
from adapters.mail import Mailer
from adapters.nats.artifacts import Artifacts
from adapters.nats.event_tail import EventTail
from adapters.nats.outputs import Outputs
from adapters.nats.registrar_client import RegistrarClient
from adapters.nats.rejection_history import RejectionHistory
from adapters.postgres.key_uses import KeyUses
from adapters.postgres.pairing_codes import PairingCodes
from adapters.postgres.webhook_deliveries import WebhookDeliveries
from adapters.safe_http import SafeHttp
from api.log_proofs import LogProofs
from api.settings import Settings
from commands.event_log import EventLog
from commands.handle import CommandHandler
from commands.reports.past_log import PastLog
from domain.ids import IslandId
from projections.book_reads import BookReads
from projections.demand_reads import DemandReads
from projections.marketplace_reads import MarketplaceReads
from projections.oversight_reads import OversightReads
from projections.people_reads import PeopleReads
from projections.progress import ProjectionProgress
from projections.read_model import ReadModel
from projections.sign_in_reads import SignInReads


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """`log` shows marked texts readable, `handler` works on the sealed ones; `cipher` reveals what is found elsewhere.

    `nonce_secret` is the same in every coordinator; `mailer` is None where no mail is sent; `heard` tells when an
    island's last heartbeat came (Unix ms, or None); `asyncapi` is the fabric's document; `troubles` what each failing
    worker last said.
    """

    settings: Settings
    handler: CommandHandler
    log: EventLog
    past: PastLog
    cipher: FieldCipher
    tail: EventTail
    reads: ReadModel
    books: BookReads
    oversight: OversightReads
    demands: DemandReads
    people: PeopleReads
    sign_ins: SignInReads
    marketplace: MarketplaceReads
    proofs: LogProofs
    progress: ProjectionProgress
    outputs: Outputs
    deliveries: WebhookDeliveries
    safe_http: SafeHttp
    artifacts: Artifacts
    rejected_claims: RejectionHistory
    registrar: RegistrarClient
    pairing_codes: PairingCodes
    key_uses: KeyUses
    nonce_secret: bytes
    email_index: EmailIndex
    mailer: Mailer | None
    heard: Callable[[IslandId], int | None]
    asyncapi: Callable[[], Mapping[str, Any]]
    troubles: Callable[[], Mapping[str, str]]
