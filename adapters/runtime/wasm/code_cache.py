"""Machine code on disk, so that a module is compiled once on an island. Used by `runtime.py`.

An entry that was damaged crashes the process that runs it, and one that was forged runs as the worker. So every entry
starts with an HMAC over the module's digest, the folder's name and the code, under a key that never leaves this island,
and one that does not hold is as good as none.

    FOLDER/key                          32 bytes, mode 0600, made at the first start
    FOLDER/<fingerprint>/<digest>       MAC, then the compiled module; mode 0700 above it

The fingerprint names library, settings and processor: after an upgrade the old entries are simply not found.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import tempfile
from pathlib import Path
from typing import Final

from adapters.runtime.contract import RuntimeBroken
from adapters.runtime.wasm.compiled_module import CompiledModule
from adapters.runtime.wasm.settings import MIB, fingerprint

CACHE_BYTES_MAX: Final = 1024 * MIB
"""Beyond it the entries used longest ago are removed."""

_KEY_BYTES: Final = 32
_MAC_BYTES: Final = 32


class CodeCache:
    """Blocking; call it in a thread. Raises OSError where the folder cannot be written."""

    def __init__(self, folder: Path, *, bytes_max: int = CACHE_BYTES_MAX) -> None:
        self._folder = folder
        self._bytes_max = bytes_max
        self._entries = folder / fingerprint()
        for place in (folder, self._entries):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            place.chmod(0o700)
        self._key = _key(folder / "key")

    def load(self, digest: str) -> CompiledModule | None:
        entry = self._entries / digest
        try:
            body = entry.read_bytes()
        except FileNotFoundError:
            return None
        if not hmac.compare_digest(body[:_MAC_BYTES], self._mac(digest, body[_MAC_BYTES:])):
            return None
        with contextlib.suppress(FileNotFoundError):
            os.utime(entry)
        return CompiledModule.decode(body[_MAC_BYTES:])

    def store(self, digest: str, module: CompiledModule) -> None:
        body = module.encode()
        _write_whole(self._entries / digest, self._mac(digest, body) + body)
        self._shrink()

    def _mac(self, digest: str, body: bytes) -> bytes:
        return hmac.digest(self._key, f"{self._entries.name}:{digest}:".encode() + body, hashlib.sha256)

    def _shrink(self) -> None:
        entries = [(path.stat(), path) for path in self._folder.glob("*/*") if path.is_file()]
        total = sum(status.st_size for status, _ in entries)
        for status, path in sorted(entries, key=lambda entry: entry[0].st_mtime_ns):
            if total <= self._bytes_max:
                return
            path.unlink(missing_ok=True)
            total -= status.st_size


def _key(path: Path) -> bytes:
    """The key that every process of this island agrees on, whoever came first."""
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=path.parent) as aside:
            fresh = Path(aside) / path.name
            fresh.touch(mode=0o600)
            fresh.write_bytes(secrets.token_bytes(_KEY_BYTES))
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(fresh)
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise RuntimeBroken(f"{path} must hold {_KEY_BYTES} bytes; remove it, and a new key is made")
    return key


def _write_whole(path: Path, body: bytes) -> None:
    """Never half an entry under its name. Unsynced: what a power cut damages does not pass its MAC."""
    with tempfile.TemporaryDirectory(dir=path.parent) as aside:
        fresh = Path(aside) / path.name
        fresh.write_bytes(body)
        fresh.replace(path)
