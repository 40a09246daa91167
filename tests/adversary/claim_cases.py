"""Claims that a paired island with its own keys must not get away with, and the code each is rejected with.

Each is made when its test runs, because it names the islands and the job of the scene.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from adapters.claim_envelope import CLAIM, SIGNATURE
from adapters.nats import subjects
from adapters.nats.accounts.nkey import Kind, NKey
from tests.adversary.scene import Scene

UNKNOWN_JOB: Final = "00000000-0000-4000-8000-000000000000"
STRANGER: Final = "A" + 55 * "Z"
NESTED: Final = b'{"job_id":' + 30_000 * b"[" + 30_000 * b"]" + b"}"
HUGE: Final = 10**30
SUCCESS: Final[dict[str, Any]] = {"state": "succeeded", "count": 1, "digest": "sha256:0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    subject: str
    body: bytes
    headers: dict[str, str]


Make = Callable[[Scene], Said]


def signed(kind: str, body: Callable[[Scene], bytes], /, **fields: Any) -> Make:
    """Rightly signed by the attacker; `fields` of the envelope that differ may hold `{victim}` and the like."""

    def make(scene: Scene) -> Said:
        said = body(scene)
        subject = subjects.REGISTER if kind == "register" else scene.named(f"host.{{me}}.{kind}")
        named = {
            name: scene.named(value) if isinstance(value, str) else value for name, value in fields.items()
        }
        return Said(subject=subject, body=said, headers=scene.attacker.sealed(subject, said, **named))

    return make


def with_headers(change: Callable[[Scene, dict[str, str]], dict[str, str]]) -> Make:
    """A status claim about the victim's job whose right headers were changed."""

    def make(scene: Scene) -> Said:
        right = signed("status", status())(scene)
        return Said(subject=right.subject, body=right.body, headers=change(scene, right.headers))

    return make


def raw(body: bytes) -> Callable[[Scene], bytes]:
    return lambda _scene: body


def status(job: str = "{job}", **fields: Any) -> Callable[[Scene], bytes]:
    said = {"state": "started", "timestamp": 1} | fields
    return lambda scene: json.dumps({"job_id": scene.named(job)} | said).encode()


def lease(job: str = "{job}", **fields: Any) -> Callable[[Scene], bytes]:
    return lambda scene: json.dumps({"job_id": scene.named(job), "extend_seconds": 60} | fields).encode()


def heartbeat(island: str = "{me}", **fields: Any) -> Callable[[Scene], bytes]:
    said = {"agent_version": "1", "status": "online", "active_jobs": 0, "timestamp": 1} | fields
    return lambda scene: json.dumps({"host_id": scene.named(island)} | said).encode()


def registration(island: str = "{me}", **fields: Any) -> Callable[[Scene], bytes]:
    said = {"version": "1", "capabilities": {"cpu_cores": 1, "ram_mb": 1}} | fields
    return lambda scene: json.dumps({"host_id": scene.named(island)} | said).encode()


def without(name: str) -> Callable[[Scene, dict[str, str]], dict[str, str]]:
    return lambda _scene, headers: {key: value for key, value in headers.items() if key != name}


def changed(name: str, change: Callable[[str], str]) -> Callable[[Scene, dict[str, str]], dict[str, str]]:
    return lambda _scene, headers: headers | {name: change(headers[name])}


def of_another_claim(scene: Scene, headers: dict[str, str]) -> dict[str, str]:
    other = signed("status", status(state="failed"))(scene)
    return headers | {SIGNATURE: other.headers[SIGNATURE]}


def of_another_body(scene: Scene, _: dict[str, str]) -> dict[str, str]:
    return signed("status", status(state="failed"))(scene).headers


def of_the_victim(scene: Scene, _: dict[str, str]) -> dict[str, str]:
    """What the victim itself would send: overheard, and played in another's name."""
    subject = subjects.status(scene.victim.island_id)
    return scene.victim.sealed(subject, status()(scene))


def signed_as_victim(scene: Scene, _: dict[str, str]) -> dict[str, str]:
    subject = subjects.status(scene.attacker.island_id)
    return scene.attacker.sealed(subject, status()(scene), island_id=scene.victim.island_id)


FORGED: Final[dict[str, tuple[str, Make]]] = {
    "no envelope": ("bad_signature", with_headers(lambda _scene, _headers: {})),
    "no signature": ("bad_signature", with_headers(without(SIGNATURE))),
    "a signature of nothing": ("bad_signature", with_headers(without(CLAIM))),
    "an empty signature": ("bad_signature", with_headers(changed(SIGNATURE, lambda _: ""))),
    "another signature": ("bad_signature", with_headers(of_another_claim)),
    "another body": ("bad_signature", with_headers(of_another_body)),
    "a key of nobody": ("bad_signature", signed("status", status(), user=NKey.new(Kind.USER))),
    "a tampered envelope": ("bad_signature", with_headers(changed(CLAIM, lambda text: text[:-4] + "AAAA"))),
    "padding": ("bad_signature", with_headers(changed(CLAIM, lambda text: text + "=="))),
    "a space inside": ("bad_signature", with_headers(changed(CLAIM, lambda text: text[:9] + " " + text[9:]))),
    "a giant envelope": ("bad_signature", with_headers(changed(CLAIM, lambda _: 20_000 * "A"))),
    "small letters": ("bad_signature", with_headers(changed(SIGNATURE, str.lower))),
    "the victim's own envelope": ("bad_signature", with_headers(of_the_victim)),
    "a status that the server sets": (
        "bad_signature",
        with_headers(lambda _scene, _headers: {"Status": "409", "Description": "Consumer Deleted"}),
    ),
    "the victim's name, signed": ("id_mismatch", with_headers(signed_as_victim)),
    "a stranger's name": ("id_mismatch", signed("status", status(), island_id=STRANGER)),
    "no name": ("id_mismatch", signed("status", status(), island_id="")),
    "another kind": ("id_mismatch", signed("status", status(), kind="lease")),
    "a greeting's kind": ("id_mismatch", signed("status", status(), kind="register")),
    "another job": ("id_mismatch", signed("status", status(), job=UNKNOWN_JOB)),
    "another attempt": ("id_mismatch", signed("status", status(), attempt=2)),
    "an attempt below none": ("id_mismatch", signed("status", status(), attempt=-1)),
    "a number below none": ("bad_signature", signed("status", status(), n=-1)),
    "a number without end": ("bad_signature", signed("status", status(), n=2**62)),
    "an id with a dot": ("bad_signature", signed("status", status(), claim_id="a.b")),
    "an id of control characters": ("bad_signature", signed("status", status(), claim_id="\x1b[2J")),
    "an endless id": ("bad_signature", signed("status", status(), claim_id=65 * "a")),
    "a job in a greeting": ("id_mismatch", signed("heartbeat", heartbeat(), job="{job}", attempt=1)),
}

ABOUT_JOBS: Final[dict[str, tuple[str, Make]]] = {
    "the victim's job, started": ("not_owner", signed("status", status())),
    "the victim's job, done": ("not_owner", signed("status", status(**SUCCESS))),
    "the victim's job, failed": ("not_owner", signed("status", status(state="failed"))),
    "the victim's job, given back": (
        "not_owner",
        signed("status", status(state="returned", reason="capacity")),
    ),
    "the victim's job, refused": ("not_owner", signed("status", status(state="refused", reason="capacity"))),
    "the victim's lease": ("not_owner", signed("lease", lease())),
    "an attempt to come": ("stale_attempt", signed("status", status("{job}_2", **SUCCESS))),
    "the last attempt there is": ("stale_attempt", signed("lease", lease("{job}_99"))),
    "attempt in the body alone": ("id_mismatch", signed("status", status(attempt=2), attempt=2)),
    "a job of nobody": ("unknown_job", signed("status", status(UNKNOWN_JOB, **SUCCESS))),
    "a lease of nobody's job": ("unknown_job", signed("lease", lease(UNKNOWN_JOB))),
    "no job": ("unknown_job", signed("status", status(""))),
    "every job": ("unknown_job", signed("status", status("*"))),
    "a path": ("unknown_job", signed("status", status("../../evt/job"))),
    "a subject": ("unknown_job", signed("status", status("x.y.>"))),
    "a line of the protocol": ("unknown_job", signed("status", status("a\r\nPUB evt.job.x 0\r\n"))),
    "an endless job": ("unknown_job", signed("status", status(5_000 * "x"))),
    "attempt nought": ("unknown_job", signed("status", status("{job}_0"))),
    "attempt of other digits": ("unknown_job", signed("status", status("{job}_\u0662"))),
    "an attempt beyond numbers": ("unknown_job", signed("status", status("{job}_999999"))),
}

MALFORMED: Final[dict[str, tuple[str, Make]]] = {
    "nothing": ("bad_json", signed("status", raw(b""))),
    "half an object": ("bad_json", signed("status", raw(b"{"))),
    "null": ("bad_json", signed("status", raw(b"null"))),
    "a list": ("bad_json", signed("lease", raw(b"[]"))),
    "a number": ("bad_json", signed("heartbeat", raw(b"1"))),
    "bytes that are no text": ("bad_json", signed("status", raw(b"\xff\xfe{}"))),
    "half a character": ("bad_json", signed("status", status("\ud800"))),
    "a nest": ("bad_json", signed("status", raw(NESTED))),
    "two objects": ("bad_json", signed("heartbeat", raw(b"{}{}"))),
    "no fields": ("bad_json", signed("status", raw(b"{}"))),
    "no state": ("bad_json", signed("status", lambda scene: scene.named('{{"job_id":"{job}"}}').encode())),
    "a job that is a number": (
        "bad_json",
        signed("status", lambda _: b'{"job_id":7,"state":"started"}', job=""),
    ),
    "an attempt that is text": ("bad_json", signed("status", status(attempt="1"))),
    "no time": ("bad_json", signed("status", status(timestamp=float("nan")))),
    "endless use": ("bad_json", signed("status", status(**SUCCESS, usage={"wall_ms": float("inf")}))),
    "use beyond all bounds": ("implausible", signed("status", status(**SUCCESS, usage={"cpu_ms": HUGE}))),
    "use below nothing": ("implausible", signed("status", status(**SUCCESS, usage={"wall_ms": -1}))),
    "a made-up state": ("implausible", signed("status", status(state="rich"))),
    "a made-up reason": ("implausible", signed("status", status(state="returned", reason="bored"))),
    "a success without a digest": ("implausible", signed("status", status(state="succeeded"))),
    "a lease for ever": ("implausible", signed("lease", lease(extend_seconds=10**6))),
    "a lease backwards": ("implausible", signed("lease", lease(extend_seconds=-60))),
    "the victim's heartbeat": ("id_mismatch", signed("heartbeat", heartbeat("{victim}"))),
    "everybody's heartbeat": ("id_mismatch", signed("heartbeat", heartbeat("*"))),
    "the victim's goodbye": ("id_mismatch", signed("heartbeat", heartbeat("{victim}", status="offline"))),
    "a price that is no number": (
        "implausible",
        signed("heartbeat", heartbeat(asking_prices={"_default": "NaN"})),
    ),
    "a price below nothing": (
        "implausible",
        signed("heartbeat", heartbeat(asking_prices={"_default": "-1"})),
    ),
    "a price of a million digits": (
        "implausible",
        signed("heartbeat", heartbeat(asking_prices={"_default": "1e999999"})),
    ),
    "a thousand prices": (
        "implausible",
        signed("heartbeat", heartbeat(asking_prices={f"cargo-{n}": "1" for n in range(1_000)})),
    ),
    "the victim's registration": ("id_mismatch", signed("register", registration("{victim}"))),
    "a registration of nobody": ("id_mismatch", signed("register", registration(""))),
    "a machine of a billion slots": ("implausible", signed("register", registration(slots=10**9))),
    "a disk beyond all bounds": ("implausible", signed("register", registration(disk_free_mb=HUGE))),
    "cores below none": (
        "implausible",
        signed("register", registration(capabilities={"cpu_cores": -1, "ram_mb": 1})),
    ),
}
