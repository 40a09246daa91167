"""`archipelago demo` as a real process: it proves what it says, ends by itself and leaves nothing behind."""

import json
import signal
from pathlib import Path

import pytest

from cli.demo_jobs import FILES_MAX, Hashed, chosen_files, digests, says
from cli.demo_result import demo_result
from projections.rebuild import Verified
from tests.cli.commands import start
from tests.servers import temporary_folder

HASHED = Hashed(file="a", job_id="1", is_verified=True, first_output_s=1.5)
PAID = {"id": "1", "state": "succeeded", "charged": "0.5"}
EQUAL = Verified(name="jobs", position=9, live_digest="a", rebuilt_digest="a", events=9, seconds=0.1)
DIFFERENT = Verified(name="jobs", position=9, live_digest="a", rebuilt_digest="b", events=9, seconds=0.1)


def test_the_demo_proves_itself_within_a_minute() -> None:
    with temporary_folder() as folder:
        process = start("demo", "--json", TMPDIR=str(folder))
        out, err = process.communicate(timeout=90)
        assert list(folder.iterdir()) == []
    assert process.returncode == 0, err
    result = json.loads(out)
    assert list(result) == [
        "ok",
        "jobs",
        "succeeded",
        "outputs_verified",
        "events",
        "charged_micro",
        "ledger_sum_micro",
        "rebuild_equal",
        "first_output_ms",
        "seconds",
    ]
    assert result["ok"]
    assert result["jobs"] == result["succeeded"] == result["outputs_verified"] == FILES_MAX
    assert result["charged_micro"] == FILES_MAX * 500_000
    assert result["ledger_sum_micro"] == 0
    assert result["events"] > 5 * FILES_MAX
    assert 0 < result["first_output_ms"] < result["seconds"] * 1000 < 60_000
    told = (
        "1. A whole network",
        "job.succeeded",
        "Why it ran there",
        "platform fee",
        "Every table of the read side",
    )
    assert [line for line in told if line not in err] == []


def test_an_interrupted_demo_leaves_nothing_behind() -> None:
    with temporary_folder() as folder:
        process = start("demo", TMPDIR=str(folder))
        assert process.stdout is not None
        while "PostgreSQL and NATS" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert list(folder.iterdir()) == []
    assert err == "Interrupted: stopping everything.\n"
    assert out.splitlines()[-1].startswith("  PostgreSQL and NATS: stopped after ")


@pytest.mark.parametrize(
    ("hashed", "job", "compared", "ledger_sum_micro"),
    [
        (HASHED, PAID | {"state": "failed"}, EQUAL, 0),
        (Hashed(file="a", job_id="1", is_verified=False, first_output_s=1.5), PAID, EQUAL, 0),
        (HASHED, {"id": "1", "state": "succeeded"}, EQUAL, 0),
        (HASHED, PAID, DIFFERENT, 0),
        (HASHED, PAID, EQUAL, 1),
    ],
)
def test_whatever_differs_makes_the_demo_fail(
    hashed: Hashed, job: dict[str, str], compared: Verified, ledger_sum_micro: int
) -> None:
    def result_of(hashed: Hashed, job: dict[str, str], compared: Verified, ledger_sum_micro: int) -> bool:
        return demo_result(
            [hashed], [job], [compared], events=9, ledger_sum_micro=ledger_sum_micro, submitting_s=1.0
        ).ok

    assert result_of(HASHED, PAID, EQUAL, 0)
    assert not result_of(hashed, job, compared, ledger_sum_micro)


def test_an_output_counts_only_where_it_says_exactly_what_was_expected() -> None:
    expected = {**digests(b"a"), "bytes": 1}
    assert says(json.dumps(expected), expected)
    assert not says(json.dumps(expected | {"bytes": 2}), expected)
    assert not says(json.dumps(expected | {"more": 1}), expected)
    assert not says("", expected)


def test_the_files_are_ours_and_come_from_every_folder() -> None:
    files = chosen_files()
    root = Path(__file__).parents[2]
    assert len(files) == len(set(files)) == FILES_MAX
    assert {file.relative_to(root).parts[0] for file in files} >= {"domain", "adapters", "api", "cli"}
