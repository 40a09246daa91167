"""`make bench`: every benchmark in one run, and its figures as one table; `python -m benchmarks flood_rows` only that.

Prints Markdown, so that a run can be kept: docs/benchmarks.md holds the last one and says how it was measured. Every
figure stands beside the aim it is held against or beside what it is compared with in the same run.
"""

import os
import platform
import sys
from typing import Final

import uvloop

from benchmarks import (
    append_rate,
    cheating,
    end_to_end,
    fabric,
    fan_out,
    long_history,
    placement_rate,
    projection_rate,
    report_neighbour,
    report_rate,
    sealing_cost,
    submit_rate,
)
from benchmarks.fabric import Row

EVENTS: Final = 50_000


async def append_rows() -> list[Row]:
    rows = []
    for window, appends in ((1, 1_000), (100, 5_000)):
        rate = await append_rate.run(window, appends)
        rows.append(
            (
                f"append through `handle()`, {window} at once",
                f"{rate.handled_per_s:,.0f}/s, {rate.ratio:.2f} of raw publish ({rate.raw_per_s:,.0f}/s)",
                "ratio >= 0.50",
            )
        )
    return rows


async def sealing_rows() -> list[Row]:
    rows = []
    for input_bytes, appends in ((200, 1_500), (10_000, 700), (200_000, 60)):
        cost = await sealing_cost.run(input_bytes, appends)
        rows.append(
            (
                f"job with an input of {input_bytes:,} bytes appended, {sealing_cost.AT_ONCE} at once",
                (
                    f"sealed {cost.sealed_per_s:,.0f}/s, {cost.ratio:.2f} of readable ({cost.plain_per_s:,.0f}/s); "
                    f"{cost.sealed_us:,.0f} us to seal, {cost.revealed_us:,.0f} us to reveal"
                ),
                "",
            )
        )
    return rows


async def history_rows() -> list[Row]:
    found = await long_history.run()
    return [
        (
            f"account of {long_history.COMMITS:,} commits, known after a restart",
            (
                f"{found.restored_s:.2f} s from a snapshot of {found.snapshot_bytes / 1e6:.2f} MB, "
                f"{found.folded_s:.2f} s from its first event"
            ),
            "",
        )
    ]


async def projection_rows() -> list[Row]:
    return [
        (
            f"projection `{name}`" if name != projection_rate.ALL else "all five, one after the other",
            (
                f"catching up {rate.applied_per_s:,.0f} events/s ({rate.ratio:.2f} of raw COPY of its rows), "
                f"rebuilt {rate.rebuilt_per_s:,.0f} events/s"
            ),
            "20 000 and 10 000 events/s",
        )
        for name, rate in (await projection_rate.run(EVENTS)).items()
    ]


async def placement_rows() -> list[Row]:
    rows = []
    for islands, aim in ((10_000, "p99 <= 5 ms, >= 1 000/s"), (100_000, "")):
        rate = placement_rate.run(islands)
        rows.append(
            (
                f"placement among {islands:,} islands, {rate.placed_share:.0%} placed",
                (
                    f"p50 {rate.p50_ms:.2f} ms, p99 {rate.p99_ms:.2f} ms, {rate.decisions_per_s:,.0f}/s; "
                    f"the plain function p50 {rate.plain_p50_ms:.0f} ms, "
                    f"{rate.plain_p50_ms / rate.p50_ms:.0f} times as long"
                ),
                aim,
            )
        )
        rows.append(
            (
                f"a look at {placement_rate.QUEUED:,} jobs that fit none of {islands:,} islands",
                f"{rate.look_ms:.0f} ms",
                "",
            )
        )
    return rows


async def cheating_rows() -> list[Row]:
    found = cheating.run()
    return [
        (
            f"wrong results believed of {cheating.JOBS:,} jobs, one island in {cheating.CHEATS_ONE_IN} cheats",
            f"{found.wrong_share:.1e}; {found.cheats_caught} of {found.cheats} cheats suspended",
            "<= 1e-3",
        ),
        (
            "further runs that checking took, once islands were proven",
            f"{found.overhead_share:.1%}",
            "<= 15 %",
        ),
    ]


async def end_to_end_rows() -> list[Row]:
    found = await end_to_end.run()
    return [
        (
            "no-op job, HTTP to WebSocket, one at a time",
            f"p50 {found.p50_ms:.1f} ms, p99 {found.p99_ms:.1f} ms",
            "p50 <= 25 ms",
        ),
        (
            f"no-op jobs, {end_to_end.SUBMITTERS} submitters",
            f"{found.jobs_per_s:.0f} jobs/s",
            ">= 150 jobs/s",
        ),
        ("idle coordinator and island, without the servers", f"{found.idle_rss_mb:.0f} MB", "<= 250 MB"),
    ]


async def submit_rows() -> list[Row]:
    return [
        (
            f"{name}, {submit_rate.AT_ONCE} at once, one coordinator",
            (
                f"{rate.requests_per_s:,.0f}/s, p50 {rate.p50_ms:.1f} ms, p99 {rate.p99_ms:.1f} ms; processor time "
                + ", ".join(f"{program} {cpu_ms:.2f}" for program, cpu_ms in rate.cpu_ms.items())
                + " ms"
            ),
            "",
        )
        for name, rate in (await submit_rate.run()).items()
    ]


MEASURES: Final = (
    append_rows,
    sealing_rows,
    history_rows,
    projection_rows,
    placement_rows,
    cheating_rows,
    end_to_end_rows,
    submit_rows,
    fan_out.fan_out_rows,
    report_rate.report_rows,
    report_neighbour.neighbour_rows,
    fabric.admission_rows,
    fabric.end_rows,
    fabric.crowd_rows,
    fabric.flood_rows,
    fabric.claim_rows,
)


def main() -> None:
    wanted = sys.argv[1:] or [measure.__name__ for measure in MEASURES]
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}\n", flush=True)
    print("| what | measured | aim |\n|---|---|---|", flush=True)
    for measure in (measure for measure in MEASURES if measure.__name__ in wanted):
        sys.stderr.write(f"{measure.__name__} ...\n")
        for row in uvloop.run(measure()):
            print("| {} | {} | {} |".format(*row), flush=True)


if __name__ == "__main__":
    main()
