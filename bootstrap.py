"""Make `.venv` exactly as `uv.lock` says; called by the Makefile, with the standard library alone.

uv, at the version that `uv.lock` pins, does the work. It comes by pip into the new environment. A Python
without ensurepip (Debian splits it into python3-venv) has no pip to bring it: there the wheel that the lock
file names is fetched, its SHA-256 compared, and the one program in it unpacked. Either way the lock file
decides every version and every digest of what is installed afterwards.
"""

from __future__ import annotations

import hashlib
import io
import os
import platform
import ssl
import subprocess
import sys
import urllib.request
import venv
import zipfile
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
DOWNLOAD_TIMEOUT_S = 60
WHEEL_BYTES_MAX = 100_000_000


def main() -> None:
    """Build the environment; ends the program with a sentence that names the next step where it cannot."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this is the line that tells the owner of an older one
        sys.exit(f"Archipelago needs Python 3.11 or newer; {sys.executable} is {platform.python_version()}.")
    import tomllib  # noqa: PLC0415 - an older Python has none and must get as far as the sentence above

    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    pinned = next(package for package in lock["package"] if package["name"] == "uv")
    has_pip = find_spec("ensurepip") is not None
    venv.create(VENV, with_pip=has_pip, clear=not _is_sound(), symlinks=True)
    if has_pip:
        requirement = f"uv=={pinned['version']}"
        _run(str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", requirement)
    else:
        _unpack_uv(pinned["wheels"])
    trust = ["--system-certs"] if _has_certificates() else []
    _run(str(VENV / "bin" / "uv"), "sync", "--frozen", "--quiet", *trust)


def _has_certificates() -> bool:
    """Tell whether this machine has certificates of its own, among them perhaps that of its owner's proxy."""
    paths = ssl.get_default_verify_paths()
    folder = Path(paths.openssl_capath)
    return Path(paths.openssl_cafile).exists() or (folder.is_dir() and any(folder.iterdir()))


def _is_sound() -> bool:
    """Tell whether an environment stands there that still runs, so that a new lock file only updates it."""
    python = VENV / "bin" / "python"
    try:
        return subprocess.run([python, "-c", ""], check=False).returncode == 0
    except OSError:
        return False


def _run(*command: str) -> None:
    # The environment of the caller may point uv elsewhere; this project installs into its own folder only.
    environment = {
        **os.environ,
        "UV_PROJECT_ENVIRONMENT": str(VENV),
        "VIRTUAL_ENV": str(VENV),
    }
    if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode != 0:
        sys.exit(f"Could not make .venv: this command failed: {' '.join(command)}")


def _unpack_uv(wheels: list[dict[str, str]]) -> None:
    """Put the `uv` program of the wheel for this machine into the environment."""
    libc = "manylinux" if platform.libc_ver()[0] == "glibc" else "musllinux"
    wheel = next(
        (w for w in wheels if libc in w["url"] and f"_{platform.machine()}." in w["url"]),
        None,
    )
    if wheel is None or sys.platform != "linux":
        sys.exit("This Python has no ensurepip: run `apt-get install python3-venv` and call make again.")
    try:
        request = urllib.request.Request(wheel["url"])  # noqa: S310 - from uv.lock, its digest compared below
        with urllib.request.urlopen(request, timeout=DOWNLOAD_TIMEOUT_S) as answer:  # noqa: S310 - from uv.lock too
            body = answer.read(WHEEL_BYTES_MAX)
    except OSError as error:
        sys.exit(f"Could not fetch uv ({error}): run `apt-get install python3-venv` and call make again.")
    if f"sha256:{hashlib.sha256(body).hexdigest()}" != wheel["hash"]:
        sys.exit("The uv that arrived is not the one that uv.lock pins; nothing was installed.")
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".data/scripts/uv"))
        program = VENV / "bin" / "uv"
        program.write_bytes(archive.read(name))
        program.chmod(0o755)


if __name__ == "__main__":
    main()
