"""Verifies the case file of a job. Needs Python 3.9 or newer and nothing else: no network, no package.

    python3 verify.py [FOLDER or ZIP] [--key PUBLIC]

It believes nothing that stands in the file but one signature: that the commits are in the signed log (RFC 9162), that
their events are what their bytes say, and that `case.json` is what those events say. The network itself writes case
files with `told` below. Exit code 0: everything holds. 1: something does not. 2: there is no case file.
"""

import argparse
import base64
import binascii
import hashlib
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SIGNED_AS = "archipelago checkpoint 1"
SIGNED_PARTS = ("tree_size", "root", "chain_head", "ledger_position", "ledger_digest", "signed_at_ms")
FILES = ("case.json", "checkpoint.json", "commits.json")
FILE_BYTES_MAX = 256 << 20
LEASES = {"job.assigned", "job.attempt_started", "job.lease_renewed"}
ENDS = {
    "job.attempt_lost",
    "job.attempt_failed",
    "job.attempt_returned",
    "job.succeeded",
    "job.failed",
    "job.cancelled",
}
WITHOUT = {"account_id", "cargo_slug", "explanation", "job_id"}

# Ed25519 (RFC 8032, 5.1): the field, the curve's constant, the order of the base point, and the base point.
P = 2**255 - 19
D = -121665 * pow(121666, P - 2, P) % P
L = 2**252 + 27742317777372353535851937790883648493
SQRT_M1 = pow(2, (P - 1) // 4, P)
BASE_Y = 4 * pow(5, P - 2, P) % P
POINT_BYTES = 32
NKEY_BYTES = 35


class Bad(Exception):
    """Something in the file does not hold. The text says what."""


def main() -> int:
    parser = argparse.ArgumentParser(description="Verifies the case file of a job.")
    parser.add_argument("where", nargs="?", default=str(HERE), help="the unpacked folder or the zip")
    parser.add_argument("--key", default="", help="the network's public key, as you know it from elsewhere")
    asked = parser.parse_args()
    try:
        case, checkpoint, commits = opened(Path(asked.where))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as fault:
        say(f"{asked.where}: not a case file: {fault}")
        return 2
    try:
        for line in verified(case, checkpoint, commits, asked.key):
            say(line)
    except Bad as fault:
        say(f"NOT SOUND: {fault}")
        return 1
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error) as fault:
        say(f"NOT SOUND: the file is damaged: {fault!r}")
        return 1
    return 0


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def opened(where: Path) -> tuple[Any, Any, Any]:
    if not where.is_dir():
        with zipfile.ZipFile(where) as file:
            return read(file)
    case, checkpoint, commits = (json.loads((where / name).read_bytes()) for name in FILES)
    return case, checkpoint, commits


def read(file: zipfile.ZipFile) -> tuple[Any, Any, Any]:
    """Raises KeyError and ValueError."""
    if sum(file.getinfo(name).file_size for name in FILES) > FILE_BYTES_MAX:
        raise ValueError("too large")
    case, checkpoint, commits = (json.loads(file.read(name)) for name in FILES)
    return case, checkpoint, commits


def verified(case: Any, checkpoint: Any, commits: Any, key: str = "") -> list[str]:
    """What holds, in sentences. Raises `Bad` at the first thing that does not."""
    require(bool(commits), "commits.json: no commit is in it")
    check_signature(checkpoint, key)
    for commit in commits:
        check_commit(commit, checkpoint)
    positions = [commit["position"] for commit in commits]
    require(positions == sorted(set(positions)), "commits.json: positions are not in order")
    require(case == told(case.get("job_id"), commits), "case.json: is not what the commits say")
    shown = sum(commit["body"] is not None for commit in commits)
    size, root = checkpoint["tree_size"], checkpoint["root"]
    return [
        f"signature: right, of {checkpoint['key_id']}"
        + ("" if key else " (compare it with the key you know, or pass --key)"),
        f"commits: {len(commits)} proven to be in the log of {size} commits with root {root}",
        f"bodies: {shown} shown and right, {len(commits) - shown} withheld (known by their digest)",
        f"case.json: what the commits say of job {case['job_id']}",
    ]


def require(is_so: bool, what: str) -> None:  # noqa: FBT001 - reads as a sentence where it is called
    if not is_so:
        raise Bad(what)


def check_signature(checkpoint: Any, key: str) -> None:
    key_id = checkpoint["key_id"]
    require(not key or key == key_id, f"checkpoint.json: signed by {key_id}, not by {key}")
    text = "".join(f"{part}\n" for part in (SIGNED_AS, *(checkpoint[name] for name in SIGNED_PARTS)))
    signature = bytes.fromhex(checkpoint["signature"])
    require(is_signed(public_of(key_id), text.encode(), signature), "checkpoint.json: the signature is wrong")


def public_of(key_id: str) -> bytes:
    """The 32 bytes in a key as text: base32 over a kind, the key and a check sum."""
    raw = base64.b32decode(key_id + "=" * (-len(key_id) % 8))
    require(len(raw) == NKEY_BYTES, f"checkpoint.json: {key_id} is no key")
    return raw[1:33]


def check_commit(commit: Any, checkpoint: Any) -> None:
    at = f"commits.json: position {commit['position']}"
    if commit["body"] is not None:
        body = base64.b64decode(commit["body"], validate=True)
        digest = hashlib.sha256(body).hexdigest()
        require(digest == commit["body_sha256"], f"{at}: the body is not the one of its digest")
        require(json.loads(body) == commit["events"], f"{at}: the events are not what the body says")
    parts = {
        name: commit[name] for name in ("body_sha256", "headers", "position", "recorded_at_ms", "subject")
    }
    content = json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()
    leaf = hashlib.sha256(b"\x00" + content).digest()
    path = [bytes.fromhex(one) for one in commit["path"]]
    root = bytes.fromhex(checkpoint["root"])
    is_there = is_included(leaf, commit["position"] - 1, checkpoint["tree_size"], path, root)
    require(is_there, f"{at}: is not in the signed log as it stands here")


def is_included(leaf_hash: bytes, leaf: int, size: int, path: list[bytes], root: bytes) -> bool:
    """RFC 9162, 2.1.3.2."""
    if not 0 <= leaf < size:
        return False
    digest, last = leaf_hash, size - 1
    for sibling in path:
        if not last:
            return False
        if leaf & 1 or leaf == last:
            digest = hashlib.sha256(b"\x01" + sibling + digest).digest()
            while leaf and not leaf & 1:
                leaf, last = leaf >> 1, last >> 1
        else:
            digest = hashlib.sha256(b"\x01" + digest + sibling).digest()
        leaf, last = leaf >> 1, last >> 1
    return not last and digest == root


def told(job_id: Any, commits: Any) -> dict[str, Any]:
    """What the commits say of a job: cargo, leases, how each attempt and the job ended, and what was booked.

    Each line names the position it was taken from. Times are Unix milliseconds, money is micro-credits.
    """
    case: dict[str, Any] = {"job_id": job_id, "submitted": None, "cargo": None}
    case.update(leases=[], ends=[], bookings=[], withheld=[])
    for commit in commits:
        if commit["body"] is None:
            case["withheld"].append({"position": commit["position"], "subject": commit["subject"]})
            continue
        category = commit["subject"].split(".")[1]
        for event in commit["events"]:
            name, data = event["name"], event["data"]
            line = {"position": commit["position"], "event": name}
            line.update({field: value for field, value in data.items() if field not in WITHOUT})
            if name == "cargo.published":
                case["cargo"] = line
            elif category != "job":
                case["bookings"].append(line)
            elif name == "job.submitted":
                line.pop("input_json", None)
                case["submitted"] = line
            elif name in LEASES:
                case["leases"].append(line)
            elif name in ENDS:
                case["ends"].append(line)
    return case


def is_signed(public: bytes, text: bytes, signature: bytes) -> bool:
    """Ed25519 (RFC 8032, 5.1.7), in plain arithmetic."""
    if len(signature) != 2 * POINT_BYTES:
        return False
    point, commitment = unpacked(public), unpacked(signature[:POINT_BYTES])
    scalar = int.from_bytes(signature[POINT_BYTES:], "little")
    if point is None or commitment is None or scalar >= L:
        return False
    challenge = hashlib.sha512(signature[:POINT_BYTES] + public + text).digest()
    base = unpacked(BASE_Y.to_bytes(POINT_BYTES, "little"))
    assert base is not None
    left = times(scalar, base)
    right = plus(commitment, times(int.from_bytes(challenge, "little") % L, point))
    return is_same(left, right)


Point = tuple[int, int, int, int]


def unpacked(packed: bytes) -> "Point | None":
    """A point from its 32 bytes; None where they are none."""
    y = int.from_bytes(packed, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * SQRT_M1 % P
    if (x * x - square) % P or (not x and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def plus(one: Point, other: Point) -> Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(scalar: int, point: Point) -> Point:
    found: Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            found = plus(found, point)
        point, scalar = plus(point, point), scalar >> 1
    return found


def is_same(one: Point, other: Point) -> bool:
    return not (one[0] * other[2] - other[0] * one[2]) % P and not (one[1] * other[2] - other[1] * one[2]) % P


if __name__ == "__main__":
    sys.exit(main())
