"""`archipelago cargo …`: what can be run, and putting something of one's own there."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli import cargo_oversight, cargo_trust
from cli.options import AsJson, DataDir, Key, Url
from cli.terminal import say, show_json, show_table
from cli.typed_name import program

app = typer.Typer(help="Cargos: what can be run.")


@app.command("list")
def list_cargos(url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List what can be run, and what it costs."""
    from cli.coordinator import PAGE_ROWS, ask

    answer = ask(url, key, data_dir, lambda coordinator: coordinator.get("/workloads", limit=PAGE_ROWS))
    if as_json:
        show_json(
            [{name: value for name, value in row.items() if name != "data"} for row in answer["workloads"]]
        )
    elif not answer["workloads"]:
        say("Nothing is published yet. Publish a cargo with: archipelago cargo publish MANIFEST")
    else:
        show_cargos(answer["workloads"])


@app.command("publish")
def publish(
    manifest: Annotated[
        Path,
        typer.Argument(help="The cargo's manifest.json; its artifact lies beside it.", metavar="MANIFEST"),
    ],
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Publish a version of a cargo: upload its artifact, then its manifest. A version never changes afterwards."""
    from cli.coordinator import ask
    from cli.publication import publish_cargo

    answer = ask(url, key, data_dir, lambda coordinator: publish_cargo(coordinator, manifest))
    if as_json:
        show_json({name: value for name, value in answer.items() if name != "data"})
    else:
        say(
            f"Published {answer['slug']} {answer['version']}. Run it: "
            f"{program()} job submit {answer['slug']} --input '{{…}}' --follow"
        )


def show_cargos(cargos: list[dict[str, Any]]) -> None:
    rows = (
        (
            cargo["slug"],
            cargo.get("version", ""),
            cargo["runtime_type"],
            cargo["trust_level"],
            f"{cargo['reputation']:.3f}",
            price_text(cargo),
            "" if cargo.get("enabled", True) else "disabled",
            cargo.get("description", ""),
        )
        for cargo in cargos
    )
    show_table(("CARGO", "VERSION", "RUNTIME", ">LEVEL", ">REPUTATION", ">CREDITS", "", "WHAT IT DOES"), rows)


app.command("trust")(cargo_trust.trust)
app.command("rate")(cargo_trust.rate)
app.command("complain")(cargo_trust.complain)
app.command("ask-review")(cargo_trust.ask_review)
for command in (
    cargo_oversight.reviews,
    cargo_oversight.review,
    cargo_oversight.scan,
    cargo_oversight.incident,
    cargo_oversight.kill,
    cargo_oversight.revive,
    cargo_oversight.tier,
):
    app.command()(command)


def price_text(cargo: dict[str, Any]) -> str:
    """`0.5 a job`, `0.001 a token`."""
    unit = cargo.get("price_unit", "job")
    return f"{cargo['pricing'][f'per_{unit}']} a {unit.replace('_', ' ')}"
