"""Carries out what an erasure asks for: nothing of the account goes on, and the key of its texts is destroyed.

Run by `api.coordinator` on the one that leads. Every step repeats harmlessly, so a crash in between is made good at the
next start. The key goes last: an island that has the job needs no more of it by then.
"""

import logging
from typing import Final

from adapters import clock
from adapters.nats.accounts.deployment import SUBJECTS_MASTER
from adapters.nats.accounts.key_folder import KeyFolder
from adapters.nats.accounts.roles import Role
from adapters.nats.connection import connect, hang_up
from adapters.nats.subject_keys import JetStreamSubjectKeys
from adapters.postgres.process_store import ProcessStore
from api.connections import access
from api.services import Services
from api.settings import Settings
from commands.batch_parts import cancel_part
from commands.event_log import LogUnavailable, Origin
from domain.account import ACCOUNT
from domain.api_key import API_KEY, RevokeApiKey
from domain.batch import BATCH, BatchPhase
from domain.batch_commands import CancelBatch
from domain.ids import AccountId, JobId
from domain.person import PersonErased
from domain.rejection import Rejected, Rejection
from domain.session import SESSION, EndSession
from domain.sign_in import SIGN_IN, ReleaseEmail
from domain.submission import SUBMISSION, WithdrawSubmission
from domain.webhook import WEBHOOK, RemoveWebhook
from projections.progress import ALL

PROCESS: Final = "erasing"
SUBMISSIONS_MAX: Final = 1_000  # More than an account can have open.
SEEN_WITHIN_S: Final = 30.0

log = logging.getLogger(__name__)


async def keep_erasing(services: Services, store: ProcessStore) -> None:
    """Follows the log until cancelled."""
    position = await store.position(PROCESS)
    async for commits in services.tail.follow(position):
        erased = [
            (commit.position, event)
            for commit in commits
            for event in commit.events
            if isinstance(event, PersonErased)
        ]
        for at, event in erased:
            await erase(services, event.account_id, at)
        if erased:
            await store.save_position(PROCESS, old=position, new=commits[-1].position)
            position = commits[-1].position


async def erase(services: Services, account_id: AccountId, position: int) -> None:
    """Does all of it for the account that was erased at `position`. Raises `LogUnavailable`."""
    if not await services.progress.wait(ALL, position, timeout_s=SEEN_WITHIN_S):
        raise LogUnavailable("the read side has not reached the erasure yet")
    origin = Origin(command_id=clock.new_id(), cause=f"{position}.0", actor=PROCESS)
    await end_work(services, account_id, origin)
    await shut_out(services, account_id, origin)
    await destroy_key(services.settings, account_id)
    services.cipher.forget(account_id)
    log.info("account_erased", extra={"account_id": account_id})


async def end_work(services: Services, account_id: AccountId, origin: Origin) -> None:
    """Cancels every job and batch that credits are held for; what has ended stays as it is."""
    for held_for in (await services.handler.state(ACCOUNT, account_id)).holds_micro:
        now_ms = clock.now_ms()
        if (await services.handler.state(BATCH, held_for)).phase is BatchPhase.UNSUBMITTED:
            await cancel_part(
                services.handler, services.outputs, held_for, account_id, origin=origin, now_ms=now_ms
            )
        else:
            await cancel_batch(services, held_for, account_id, origin)


async def cancel_batch(services: Services, batch_id: JobId, account_id: AccountId, origin: Origin) -> None:
    command = CancelBatch(batch_id=batch_id, account_id=account_id, now_ms=clock.now_ms())
    try:
        await services.handler.handle(BATCH, batch_id, command, origin=origin)
    except Rejected as rejected:
        if rejected.code not in (Rejection.JOB_FINISHED, Rejection.JOB_UNKNOWN):
            raise


async def shut_out(services: Services, account_id: AccountId, origin: Origin) -> None:
    """Revokes the account's keys, frees its addresses, removes its webhooks and submissions, ends its sessions."""
    for row in await services.marketplace.submissions_open(account_id, SUBMISSIONS_MAX):
        withdraw = WithdrawSubmission(now_ms=clock.now_ms())
        await services.handler.handle(SUBMISSION, row.submission_id, withdraw, origin=origin)
    for webhook_id in (await services.handler.state(WEBHOOK, account_id)).hooks:
        remove = RemoveWebhook(webhook_id=webhook_id, now_ms=clock.now_ms())
        await services.handler.handle(WEBHOOK, account_id, remove, origin=origin)
    for key in await services.reads.api_keys(account_id):
        revoke = RevokeApiKey(key_id=key.key_id, account_id=account_id, now_ms=clock.now_ms())
        await services.handler.handle(API_KEY, key.key_id, revoke, origin=origin)
    for email in await services.sign_ins.emails(account_id):
        free = ReleaseEmail(email_index=email.email_index, account_id=account_id, now_ms=clock.now_ms())
        await services.handler.handle(SIGN_IN, email.email_index, free, origin=origin)
    while sessions := await services.sign_ins.sessions(account_id, now_ms=clock.now_ms()):
        ended_at = 0
        for session in sessions:
            end = EndSession(session_id=session.session_id, account_id=account_id, now_ms=clock.now_ms())
            ended_at = (
                await services.handler.handle(SESSION, session.session_id, end, origin=origin)
            ).position
        await services.progress.wait(ALL, ended_at, timeout_s=SEEN_WITHIN_S)


async def destroy_key(settings: Settings, account_id: AccountId) -> None:
    """With the one role that may, connected for this alone."""
    client = await connect(access(settings, Role.ERASER), "coordinator eraser")
    try:
        master = KeyFolder(settings.nats_keys).master(SUBJECTS_MASTER)
        await JetStreamSubjectKeys(client, master).erase(account_id)
    finally:
        await hang_up(client)
