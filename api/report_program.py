"""Makes one report and ends: `python -m api.report_program`, which `api.report_making` starts for each request.

A program of its own, because a million lines take seconds: the coordinator answers everybody else meanwhile, and the
work ends with the patience of its client. Reads one `Asked` as JSON, writes one line of JSON (`Told`), then the report.
"""

import asyncio
import sys
from pathlib import Path

import msgspec

from adapters.codec import NAMES
from adapters.nats.accounts.key_folder import KeyFolder
from adapters.nats.accounts.roles import Role
from adapters.nats.connection import access_of, connect
from adapters.nats.past_log import JetStreamPastLog
from adapters.reports.forms import MEDIA_TYPE_OF, Form, write
from commands.reports.make import make_report
from commands.reports.order import NothingKnown, ReportOrder, ReportTooLong


class Asked(msgspec.Struct, kw_only=True):
    """The log, and the report that is wanted of it."""

    nats_url: str
    nats_keys: str
    nats_ca_file: str | None
    order: ReportOrder
    form: Form


class Told(msgspec.Struct, kw_only=True):
    """`refusal` says why there is no report, `is_known` whether the log knows the subject; else the body follows."""

    is_known: bool = True
    refusal: str = ""
    file_name: str = ""
    media_type: str = ""


async def made(asked: Asked) -> tuple[Told, bytes]:
    ca_file = Path(asked.nats_ca_file) if asked.nats_ca_file else None
    access = access_of(asked.nats_url, KeyFolder(Path(asked.nats_keys)), Role.PROJECTOR, ca_file=ca_file)
    client = await connect(access, "archipelago report")
    try:
        report = await make_report(JetStreamPastLog(client), asked.order, lambda event: NAMES[type(event)])
    except NothingKnown:
        return Told(is_known=False), b""
    except ReportTooLong as long:
        return Told(refusal=f"the report would have {long}; ask for a shorter time"), b""
    finally:
        await client.close()
    written = write(report, asked.form)
    return Told(file_name=written.file_name, media_type=MEDIA_TYPE_OF[asked.form]), written.body


def main() -> None:
    told, body = asyncio.run(made(msgspec.json.decode(sys.stdin.buffer.read(), type=Asked)))
    sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n" + body)


if __name__ == "__main__":
    main()
