"""The committed hash.wasm against hashlib and blake3, its errors, and its manifest against what it does."""

import base64
import hashlib
import itertools
import json
import string
from collections import ChainMap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import blake3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.cargos.guest import Guest

FOLDER = Path(__file__).parents[2] / "cargos" / "wasm_hash"
INPUT_BYTES_MAX = 256 * 1024
ALGORITHMS = ("sha256", "md5", "blake3")

NOT_ONE_OBJECT = "input: must be one valid JSON object in UTF-8, without unpaired surrogates"
TOO_LONG = "input: must be at most 262144 bytes of JSON"
FIELD_TWICE = "text, base64, algorithm, algorithms: must be given at most once each"
BAD_TEXT = "text: must be a string"
BAD_BASE64 = "base64: must be a string in standard base64, padded with =, without spaces"
BAD_ALGORITHM = "algorithm: must be one of sha256, md5, blake3"
BAD_ALGORITHMS = "algorithms: must be a list of one or more of sha256, md5, blake3, each at most once"
NOT_ONE_SOURCE = "input: must have exactly one of text and base64"
TWO_SELECTIONS = "input: must have at most one of algorithm and algorithms"


@pytest.fixture(scope="module")
def guest() -> Guest:
    return Guest(FOLDER)


def line(job: Any, *, ascii_only: bool = True) -> bytes:
    return json.dumps(job, ensure_ascii=ascii_only).encode() + b"\n"


def digests(data: bytes) -> dict[str, Any]:
    return {
        "sha256": hashlib.sha256(data).hexdigest(),
        "md5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
        "blake3": blake3.blake3(data).hexdigest(),
        "bytes": len(data),
    }


@pytest.mark.parametrize(
    ("text", "algorithm", "digest"),
    [
        # FIPS 180-2 appendix B.1; RFC 1321 appendix A.5; the BLAKE3 repository's vector of length 0.
        ("abc", "sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("message digest", "md5", "f96b697d7cb7938d525a2f31aaf161d0"),
        ("", "blake3", "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
    ],
)
def test_published_answers_are_found(guest: Guest, text: str, algorithm: str, digest: str) -> None:
    ran = guest.run(line({"text": text, "algorithm": algorithm}))

    assert ran.result == {algorithm: digest, "bytes": len(text)}


def test_sha256_is_the_default(guest: Guest) -> None:
    assert guest.run(line({"text": "abc"})).result == {"sha256": digests(b"abc")["sha256"], "bytes": 3}


def test_the_last_line_is_done_with_usage(guest: Guest) -> None:
    done = guest.run(line({"text": "abc"})).lines[-1]

    assert done == {"type": "done", "usage": {"prompt_tokens": 0, "completion_tokens": 1}}


@given(text=st.text(), ascii_only=st.booleans())
def test_any_text_is_hashed_as_utf8_escaped_or_not(guest: Guest, text: str, *, ascii_only: bool) -> None:
    ran = guest.run(line({"text": text, "algorithms": ALGORITHMS}, ascii_only=ascii_only))

    assert ran.result == digests(text.encode())


@given(data=st.binary(max_size=5000))
def test_any_bytes_are_hashed_from_base64(guest: Guest, data: bytes) -> None:
    ran = guest.run(line({"algorithms": ALGORITHMS, "base64": base64.b64encode(data).decode()}))

    assert ran.result == digests(data)


@pytest.mark.parametrize("size", [55, 56, 63, 64, 65, 1023, 1024, 1025, 2049, 65536])
def test_lengths_around_block_and_chunk_borders_are_hashed(guest: Guest, size: int) -> None:
    data = bytes(index % 251 for index in range(size))

    ran = guest.run(line({"base64": base64.b64encode(data).decode(), "algorithms": ALGORITHMS}))

    assert ran.result == digests(data)


@given(chosen=st.lists(st.sampled_from(ALGORITHMS), min_size=1, unique=True))
def test_exactly_the_chosen_algorithms_are_answered(guest: Guest, chosen: list[str]) -> None:
    result = guest.run(line({"text": "abc", "algorithms": chosen})).result

    assert set(result) == {*chosen, "bytes"}


@pytest.mark.parametrize(
    "stdin",
    [
        b'{"text":"abc"}',
        b' \t{ "text" :\r\n "abc" } \n',
        b'{"\\u0074ext":"\\u0061bc"}\n',
        b'{"text":"abc","Text":1,"":null,"x":{"text":[1e999,-0.5,true,{"base64":2}]}}\n',
        b'{"deep":' + b"[" * 100_000 + b"]" * 100_000 + b',"text":"abc"}\n',
        b"{" + b'"\\n":1,' * 35_000 + b'"text":"abc"}\n',
    ],
    ids=["no line feed", "white space", "escaped key", "unknown fields", "deep nesting", "many escaped keys"],
)
def test_what_is_around_the_fields_makes_no_difference(guest: Guest, stdin: bytes) -> None:
    assert guest.run(stdin).result["sha256"] == digests(b"abc")["sha256"]


@pytest.mark.parametrize(
    "unit", ["a", "\n", "\x00", "\U0001f600"], ids=["plain", "escaped", "longest escape", "pair"]
)
def test_the_largest_input_is_hashed_and_one_byte_more_is_refused(guest: Guest, unit: str) -> None:
    job: dict[str, Any] = {"algorithms": ALGORITHMS, "text": ""}
    room = INPUT_BYTES_MAX - len(json.dumps(job))
    count, rest = divmod(room, len(json.dumps(unit)) - 2)
    job["text"] = unit * count + "a" * rest
    assert len(line(job)) == INPUT_BYTES_MAX + 1

    assert guest.run(line(job)).result == digests(job["text"].encode())
    assert guest.run(line(job | {"text": job["text"] + "a"})).error == TOO_LONG


def test_the_largest_job_needs_a_tenth_of_the_fuel_limit_at_most(guest: Guest) -> None:
    ran = guest.run(line({"text": "a" * (INPUT_BYTES_MAX - 100), "algorithms": ALGORITHMS}))

    assert ran.exit_code == 0
    assert 0 < 10 * ran.fuel < guest.manifest["limits"]["fuel"]


def test_the_input_that_needs_most_memory_is_hashed(guest: Guest) -> None:
    # One escape makes the whole string be copied, and its base64 is decoded beside the copy.
    groups = INPUT_BYTES_MAX // 4 - 10

    ran = guest.run(b'{"base64":"\\u0041AAA' + b"AAAA" * groups + b'"}\n')

    assert ran.result["bytes"] == 3 * groups + 3


def test_an_endless_input_is_refused_after_its_first_part(guest: Guest) -> None:
    assert guest.run(b"x" * (8 * INPUT_BYTES_MAX)).error == TOO_LONG


@pytest.mark.parametrize(
    ("stdin", "message"),
    [
        (b"", NOT_ONE_OBJECT),
        (b"\n", NOT_ONE_OBJECT),
        (b"nonsense", NOT_ONE_OBJECT),
        (b'["text"]', NOT_ONE_OBJECT),
        (b'"text"', NOT_ONE_OBJECT),
        (b"null", NOT_ONE_OBJECT),
        (b"{", NOT_ONE_OBJECT),
        (b'{"text":"abc"', NOT_ONE_OBJECT),
        (b'{"text":"abc}', NOT_ONE_OBJECT),
        (b'{"text":"abc",}', NOT_ONE_OBJECT),
        (b"{'text':'abc'}", NOT_ONE_OBJECT),
        (b'{"text":"a\nb"}', NOT_ONE_OBJECT),
        (b'{"text":"\\x41"}', NOT_ONE_OBJECT),
        (b'{"text":"abc"}{"text":"abc"}', NOT_ONE_OBJECT),
        (b'{"text":"abc"} x', NOT_ONE_OBJECT),
        (b'{"text":"abc","x":[}]}', NOT_ONE_OBJECT),
        (b'{"text":"\xff"}', NOT_ONE_OBJECT),
        (b'{"text":"\xed\xa0\x80"}', NOT_ONE_OBJECT),
        (b'{"text":"\\ud83d"}', NOT_ONE_OBJECT),
        (b'{"text":"\\ud83dx"}', NOT_ONE_OBJECT),
        (b'{"text":"\\ude00\\ud83d"}', NOT_ONE_OBJECT),
        (b'{"text":"a","text":"a"}', FIELD_TWICE),
        (b'{"text":"a","algorithm":"md5","algorithm":"md5"}', FIELD_TWICE),
        (b'{"text":1}', BAD_TEXT),
        (b'{"text":null}', BAD_TEXT),
        (b'{"text":["abc"]}', BAD_TEXT),
        (b'{"base64":7}', BAD_BASE64),
        (b'{"base64":"YWJ"}', BAD_BASE64),
        (b'{"base64":"YWI"}', BAD_BASE64),
        (b'{"base64":"YW=="}', BAD_BASE64),
        (b'{"base64":"YWK="}', BAD_BASE64),
        (b'{"base64":"YQ==YQ=="}', BAD_BASE64),
        (b'{"base64":"YW Jj"}', BAD_BASE64),
        (b'{"base64":"YWJj\\n"}', BAD_BASE64),
        (b'{"base64":"-_-_"}', BAD_BASE64),
        (b'{"base64":"\xc3\xa9\xc3\xa9"}', BAD_BASE64),
        (b'{"base64":"="}', BAD_BASE64),
        (b'{"text":"abc","algorithm":"sha1"}', BAD_ALGORITHM),
        (b'{"text":"abc","algorithm":"SHA256"}', BAD_ALGORITHM),
        (b'{"text":"abc","algorithm":""}', BAD_ALGORITHM),
        (b'{"text":"abc","algorithm":null}', BAD_ALGORITHM),
        (b'{"text":"abc","algorithm":["md5"]}', BAD_ALGORITHM),
        (b'{"text":"abc","algorithms":"md5"}', BAD_ALGORITHMS),
        (b'{"text":"abc","algorithms":[]}', BAD_ALGORITHMS),
        (b'{"text":"abc","algorithms":["md5","md5"]}', BAD_ALGORITHMS),
        (b'{"text":"abc","algorithms":["md5",1]}', BAD_ALGORITHMS),
        (b'{"text":"abc","algorithms":["md5","sha1"]}', BAD_ALGORITHMS),
        (b'{"text":"abc","algorithms":[["md5"]]}', BAD_ALGORITHMS),
        (b"{}", NOT_ONE_SOURCE),
        (b'{"algorithm":"md5"}', NOT_ONE_SOURCE),
        (b'{"text":"abc","base64":"YWJj"}', NOT_ONE_SOURCE),
        (b'{"text":"abc","algorithm":"md5","algorithms":["md5"]}', TWO_SELECTIONS),
    ],
)
def test_bad_input_is_refused_with_the_field_and_the_rule(guest: Guest, stdin: bytes, message: str) -> None:
    assert guest.run(stdin).error == message


@given(noise=st.binary(max_size=300))
def test_no_bytes_make_the_module_trap(guest: Guest, noise: bytes) -> None:
    guest.run(noise)
    guest.run(b'{"text":"' + noise + b'"}')
    guest.run(b'{"base64":"YWJj","x":' + noise + b"}")


def test_an_output_that_cannot_be_written_is_a_failure(guest: Guest, tmp_path: Path) -> None:
    stdin_file = tmp_path / "stdin"
    stdin_file.write_bytes(line({"text": "abc"}))

    exit_code, _ = guest.start(stdin_file, Path("/dev/full"))

    assert exit_code == 1


def test_the_module_asks_for_nothing_but_reading_writing_and_leaving(guest: Guest) -> None:
    imports = {(wanted.module, wanted.name) for wanted in guest.module.imports}

    assert imports == {("wasi_snapshot_preview1", name) for name in ("fd_read", "fd_write", "proc_exit")}
    assert {export.name for export in guest.module.exports} == {"_start", "memory"}


def disagreements(guest: Guest, jobs: Iterable[Any]) -> list[Any]:
    """The jobs that only one of the input schema and the module accepts. Fails unless there are jobs of both kinds."""
    schema = Draft202012Validator(guest.manifest["input_schema"])
    verdicts = [(job, schema.is_valid(job), guest.run(line(job)).exit_code == 0) for job in jobs]
    assert {accepted for _, _, accepted in verdicts} == {True, False}
    return [job for job, is_valid, accepted in verdicts if is_valid != accepted]


def test_the_input_schema_accepts_the_combinations_of_fields_that_the_module_accepts(guest: Guest) -> None:
    values: dict[str, list[Any]] = {
        "text": [None, "a"],
        "base64": [None, ""],
        "algorithm": [None, "sha1", ["md5"], "md5"],
        "algorithms": ["md5", None, [], [None], ["sha1"], ["md5", "md5"], ["md5"], [*ALGORITHMS]],
    }
    fields = [[{}, *({name: value} for value in options)] for name, options in values.items()]
    jobs = [dict(ChainMap(*chosen)) for chosen in itertools.product(*fields)]

    assert disagreements(guest, [*jobs, {"text": "a", "more": None}, None, [], "text", 1]) == []


def test_the_input_schema_accepts_the_base64_that_the_module_accepts(guest: Guest) -> None:
    alphabet = f"{string.ascii_letters}{string.digits}+/-_= \n\u00e9"
    endings = [
        *(
            "",
            "=",
            "==",
            "===",
            "====",
            "Y",
            "Y=",
            "Y==",
            "Y===",
            "YQ",
            "YQ=",
            "YWI",
            "YWI==",
            "YQ==\n",
            "YWJjZA",
            "YQ==YQ==",
        ),
        *(f"Y{last}==" for last in alphabet),
        *(f"YW{last}=" for last in alphabet),
        *(f"YWJ{last}" for last in alphabet),
    ]
    jobs = [{"base64": start + ending} for start in ("", "AAAA") for ending in endings]

    assert disagreements(guest, jobs) == []


@given(data=st.binary(), chosen=st.lists(st.sampled_from(ALGORITHMS), min_size=1, unique=True))
def test_every_result_fits_the_output_schema(guest: Guest, data: bytes, chosen: list[str]) -> None:
    schema = Draft202012Validator(guest.manifest["output_schema"])
    job = {"base64": base64.b64encode(data).decode(), "algorithms": chosen}

    schema.validate(guest.run(line(job)).result)
