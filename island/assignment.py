"""A job message that can be run, or the reason why it cannot be understood.

Called by the agent for every message of the island's queue. What is checked here is form; whether the island wants the
job is `island.admission`.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import msgspec

from adapters.runtime.contract import Limits
from adapters.wire import ASSIGNMENT_BYTES_MAX, AssignJob, decoder
from domain.claim import ClaimRejected
from domain.trust import SANDBOX_TIERS
from island.attempt_key import AttemptKey

DECODER: Final = decoder(AssignJob)
# The id becomes a file's name and part of what is printed.
WIRE_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}(_[0-9]{1,2})?")
DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


class Unreadable(Exception):
    """`key` is None where not even the attempt can be told; the text names the field and the rule."""

    def __init__(self, key: AttemptKey | None, detail: str) -> None:
        super().__init__(detail)
        self.key = key


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """`stdin` is the input line with its line feed. `trust_level` is the highest that the sandbox tier
    may stand for: the placement knows the real one.
    """

    key: AttemptKey
    slug: str
    runtime: str
    digest: str
    url: str
    category: str
    is_exact: bool
    trust_level: int
    limits: Limits
    stdin: bytes


class _Named(msgspec.Struct):
    job_id: str


def parse_assignment(body: bytes) -> Assignment:
    """Raises `Unreadable`."""
    if len(body) > ASSIGNMENT_BYTES_MAX:
        raise Unreadable(None, f"message: at most {ASSIGNMENT_BYTES_MAX} bytes")
    try:
        message: AssignJob = DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise Unreadable(_named_key(body), str(fault)) from fault
    key = _key(message.job_id)
    if key is None or (key.job_id, key.attempt) != (message.job, message.attempt):
        raise Unreadable(key, "job_id: must be <job>, or <job>_<attempt> from the second attempt on")
    return _assignment(key, message)


def _assignment(key: AttemptKey, message: AssignJob) -> Assignment:
    url = message.wasm_url or ""
    if not DIGEST.fullmatch(message.cargo.digest):
        raise Unreadable(key, "cargo.digest: must be sha256: and 64 lower-case hex digits")
    if urlsplit(url).scheme not in {"http", "https"}:
        raise Unreadable(key, "wasm_url: must be an http or https address")
    if message.sandbox_tier not in SANDBOX_TIERS:
        raise Unreadable(key, f"sandbox_tier: must be one of {', '.join(sorted(set(SANDBOX_TIERS)))}")
    return Assignment(
        key=key,
        slug=message.cargo.slug,
        runtime=message.runtime_type,
        digest=message.cargo.digest,
        url=url,
        category=message.cargo.category,
        is_exact=message.cargo.determinism == "exact",
        trust_level=max(level for level, tier in enumerate(SANDBOX_TIERS) if tier == message.sandbox_tier),
        limits=_limits(key, message),
        stdin=_one_line(bytes(message.input)) + b"\n",
    )


def _one_line(text: bytes) -> bytes:
    """Byte for byte as it was submitted, unless line feeds stand between its tokens: they would end it early."""
    return msgspec.json.format(text, indent=-1) if b"\n" in text or b"\r" in text else text


def _limits(key: AttemptKey, message: AssignJob) -> Limits:
    try:
        return Limits(
            memory_mb=message.limits.memory_mb,
            wall_s=message.deadline_ms / 1000,
            fuel=message.limits.fuel,
            output_bytes=message.limits.output_bytes,
        )
    except ValueError as fault:
        raise Unreadable(key, str(fault)) from fault


def _named_key(body: bytes) -> AttemptKey | None:
    try:
        return _key(msgspec.json.decode(body, type=_Named).job_id)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _key(text: str) -> AttemptKey | None:
    if not WIRE_ID.fullmatch(text):
        return None
    try:
        return AttemptKey.parse(text)
    except ClaimRejected:
        return None
