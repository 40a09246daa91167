"""The fabric's rows of the table: islands let in and put out, two thousand of them, a flood, and what claims cost."""

from typing import Final

from benchmarks import claim_cost, flood, island_admission, island_crowd

Row = tuple[str, str, str]

FLOODED: Final = {"heartbeat": "heartbeats", "status": "status claims", "output": "output"}


async def admission_rows() -> list[Row]:
    enrolment = await island_admission.enrolment()
    plain = await island_admission.first_connections(is_encrypted=False)
    encrypted = await island_admission.first_connections(is_encrypted=True)
    return [
        ("enrolment answered", str(enrolment.answered), ""),
        ("enrolment to first claim stored", str(enrolment.to_first_receipt), "p95 <= 50 ms"),
        ("first connection, plaintext", str(plain), ""),
        ("first connection, TLS 1.3", str(encrypted), "p95 <= 20 ms"),
    ]


async def end_rows() -> list[Row]:
    return [
        (f"dropped: {order}", str(taken), "max <= 50 ms")
        for order, taken in (await island_admission.ends()).items()
    ]


async def crowd_rows() -> list[Row]:
    rows = []
    for is_encrypted in (False, True):
        found = await island_crowd.run(is_encrypted=is_encrypted)
        name = f"{island_crowd.ISLANDS:,} islands, {'TLS 1.3' if is_encrypted else 'plaintext'}".replace(
            ",", " ", 1
        )
        rows += [
            (f"{name}: join, connect", f"{found.joined_per_s:.0f}/s, {found.connected_per_s:.0f}/s", ""),
            (
                f"{name}: the server's memory",
                f"{found.kb_each:.0f} KB each, {found.server_mb:.0f} MB in all",
                "",
            ),
            (
                f"{name}: all back after the server was killed",
                f"{found.back_s:.1f} s, {found.server_ready_s:.1f} s of it until it answers",
                "<= 30 s",
            ),
            (f"{name}: registrar's start", f"{found.registrar_ready_s:.1f} s", ""),
        ]
    return rows


async def flood_rows() -> list[Row]:
    rows = []
    for kind, name in FLOODED.items():
        found = await flood.run(kind)
        for state, neighbour in (
            ("before", found.in_peace),
            ("5 s, guard stopped", found.without_guard),
            ("with the guard", found.with_guard),
        ):
            rows.append(
                (f"flood of {name}, {state}: neighbour's claim", str(neighbour.claims), "p95 <= 50 ms")
            )
            rows.append((f"flood of {name}, {state}: neighbour's job", str(neighbour.jobs), ""))
        for one in found.with_guard.floods:
            per_s = one.claims / (one.ended_at_s - one.began_at_s)
            ended = "cut off" if one.is_cut_off else "not cut off"
            rows.append(
                (
                    f"flood of {name}: {per_s:,.0f} claims/s",
                    f"{ended} after {one.ended_at_s - one.began_at_s:.1f} s",
                    "<= 5 s",
                )
            )
    return rows


async def claim_rows() -> list[Row]:
    found = await claim_cost.run()
    worst = max(found.wrong_ms, key=lambda kind: found.wrong_ms[kind])
    return [
        (
            "claims signed, checked, by one core",
            f"{found.signed_per_s:,.0f}/s, {found.checked_per_s:,.0f}/s",
            "",
        ),
        (
            "check of a wrong claim, the slowest kind",
            f"{found.wrong_ms[worst]:.2f} ms ({worst})",
            "< 5 ms",
        ),
        (
            f"wrong claim, stored to acknowledged, {claim_cost.TURNED_AWAY} at once",
            f"{found.turned_away_ms:.1f} ms each",
            "< 5 ms",
        ),
    ]
