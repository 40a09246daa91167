"""`archipelago audit case` and `audit proof`: what the network recorded, with proofs that are verified here."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.failure import CommandFailed, wrong_usage
from cli.options import AsJson, DataDir, Key, Url
from cli.terminal import say, show_fields, show_json

JobId = Annotated[str, typer.Argument(metavar="JOB", help="The id of a job that has ended.")]
CaseFile = Annotated[Path, typer.Argument(metavar="FILE", help="The zip to write; it must not be there yet.")]
Position = Annotated[int, typer.Argument(metavar="POSITION", min=1, help="The position of a commit.")]
PublicKey = Annotated[
    str, typer.Option("--signer", metavar="PUBLIC", help="The key that must have signed the checkpoint.")
]


def save_case(
    job: JobId,
    file: CaseFile,
    *,
    signer: PublicKey = "",
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
) -> None:
    """Write everything recorded of a job into one zip, with proofs and a program that verifies them anywhere.

    It is verified here before it is written. Own jobs; with an operator's key any.
    """
    from cli.coordinator import ask

    if file.exists():
        raise wrong_usage("FILE", f"{file} is there already", next_step="choose another name")
    content = ask(url, key, data_dir, lambda coordinator: coordinator.download(f"/jobs/{job}/case"))
    lines = verified_lines(content, signer)
    try:
        file.write_bytes(content)
    except OSError as fault:
        raise CommandFailed(f"{file}: {fault}") from fault
    for line in lines:
        say(line)
    say(f"{file}: {len(content):,} bytes. Anybody verifies it: unpack it and run python3 verify.py")


def verified_lines(content: bytes, signer: str) -> list[str]:
    """Raises CommandFailed where the file does not hold."""
    import io
    import zipfile

    from adapters.case_file.verify import Bad, read, verified

    try:
        return verified(*read(zipfile.ZipFile(io.BytesIO(content))), signer)
    except (Bad, KeyError, TypeError, ValueError, AttributeError, zipfile.BadZipFile) as fault:
        raise CommandFailed(
            f"the coordinator's case file is not sound: {fault}", next_step="keep it, and tell the operator"
        ) from fault


def show_proof(
    position: Position,
    *,
    signer: PublicKey = "",
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Prove that a commit is in the log that the network signed; the proof is verified here."""
    from cli.coordinator import ask

    proof = ask(
        url,
        key,
        data_dir,
        lambda coordinator: coordinator.get("/audit/proof/inclusion", position=position),
    )
    proof.pop("data", None)
    require_proven(proof, position, signer)
    if as_json:
        show_json(proof)
        return
    checkpoint = proof["checkpoint"]
    show_fields(
        (
            ("position", proof["position"]),
            ("leaf", proof["leaf_hash"]),
            ("path", f"{len(proof['path'])} hashes"),
            ("root", checkpoint["root"]),
            ("over commits", checkpoint["tree_size"]),
            ("signed by", checkpoint["key_id"]),
            ("verified", "leaf, path, root and signature"),
        )
    )


def require_proven(proof: dict[str, Any], position: int, signer: str) -> None:
    """Raises CommandFailed."""
    from adapters.case_file.verify import Bad, check_signature, is_included

    try:
        checkpoint = proof["checkpoint"]
        check_signature(checkpoint, signer)
        path = [bytes.fromhex(one) for one in proof["path"]]
        leaf, root = bytes.fromhex(proof["leaf_hash"]), bytes.fromhex(checkpoint["root"])
        if not is_included(leaf, position - 1, checkpoint["tree_size"], path, root):
            raise Bad("the path does not lead from the commit to the signed root")
    except (Bad, KeyError, TypeError, ValueError) as fault:
        raise CommandFailed(
            f"position {position} is not proven: {fault}", next_step="keep this answer, and tell the operator"
        ) from fault
