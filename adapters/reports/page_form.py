"""A report as one page for a browser and for paper: no other file, no script, light and dark, A4 with page numbers."""

from html import escape
from typing import Final

from adapters.reports.bar_chart import bar_chart, svg_of
from adapters.reports.bars import bars_of
from adapters.reports.wording import (
    figure_text,
    is_number,
    period_text,
    printed_rows,
    rest_text,
    rules_text,
    standing_text,
    subject_text,
)
from commands.reports.report import Chart, Report, Table

STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #5c636e; --rule: #d5d9e0; --paper: #fff; --tint: #f5f7f9; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eaed; --soft: #a5adb8; --rule: #3a4048; --paper: #16191d; --tint: #1e2227; }
  figure svg { filter: invert(1) hue-rotate(180deg); }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 3rem 1.5rem; max-width: 62rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; font-variant-numeric: tabular-nums; }
header { border-bottom: 2px solid var(--ink); padding-bottom: 1rem; margin-bottom: 1.5rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .25rem; font-weight: 600; }
h2 { font-size: 1.05rem; margin: 2.2rem 0 .5rem; font-weight: 600; }
p { margin: .15rem 0; }
.soft, figcaption { color: var(--soft); }
dl { display: grid; grid-template-columns: max-content max-content; column-gap: 3rem; row-gap: .2rem; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; text-align: right; }
dt.strong, dd.strong { color: var(--ink); font-weight: 600; }
figure { margin: 2rem 0 0; }
figure svg { width: 100%; height: auto; display: block; }
figcaption { font-size: .9rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .86rem; }
th { text-align: left; font-weight: 600; color: var(--soft); border-bottom: 1px solid var(--ink); }
th, td { padding: .3rem .7rem .3rem 0; vertical-align: top; overflow-wrap: anywhere; }
td { border-bottom: 1px solid var(--rule); }
th.number, td.number { text-align: right; white-space: nowrap; overflow-wrap: normal; }
th:last-child, td:last-child { padding-right: 0; }
tbody tr:nth-child(even) { background: var(--tint); }
footer { margin-top: 2.5rem; border-top: 1px solid var(--rule); padding-top: .8rem; font-size: .8rem;
  color: var(--soft); }
code { font: .95em ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
@page { size: A4; margin: 18mm 16mm 20mm;
  @bottom-right { content: counter(page) " / " counter(pages); font: 8pt Helvetica, Arial, sans-serif;
    color: #5c636e; } }
@media print {
  :root { color-scheme: light; --ink: #000; --soft: #555b66; --rule: #d5d9e0; --paper: #fff; --tint: #fff; }
  figure svg { filter: none; }
  body { padding: 0; max-width: none; font-size: 9.5pt; }
  thead { display: table-header-group; }
  tr, figure, dl { break-inside: avoid; }
  h2 { break-after: avoid; }
  .wide { overflow: visible; }
}
"""


def page_form(report: Report, proof: str) -> str:
    title = f"{report.title}: {period_text(report.period)}"
    charts = "".join(chart_html(report, chart) for chart in report.charts)
    tables = "".join(table_html(table) for table in report.tables if table.rows)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="archipelago-report" content="{escape(proof)}">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<header>\n<h1>{escape(title)}</h1>\n<p>{escape(subject_text(report))}</p>\n"
        f'<p class="soft">{escape(standing_text(report))} {escape(rules_text(report))}</p>\n</header>\n'
        f"<main>\n{figures_html(report)}{charts}{tables}</main>\n"
        f"<footer>\n<p>Amounts are credits, times and days UTC. Make this report as JSON and check it with "
        f"<code>archipelago report verify REPORT.json</code>.</p>\n<p><code>{escape(proof)}</code></p>\n</footer>\n"
        "</body>\n</html>\n"
    )


def figures_html(report: Report) -> str:
    rows = []
    for figure in report.figures:
        kind = ' class="strong"' if figure.is_strong else ""
        rows.append(f"<dt{kind}>{escape(figure.heading)}</dt><dd{kind}>{escape(figure_text(figure))}</dd>\n")
    return f"<dl>\n{''.join(rows)}</dl>\n"


def chart_html(report: Report, chart: Chart) -> str:
    bars = bars_of(report, chart)
    if bars is None:
        return ""
    title = f"{chart.title}, {bars.labels[0]} to {bars.labels[-1]}"
    svg = svg_of(bar_chart(bars), title)
    return f"<figure>\n<figcaption>{escape(title)}</figcaption>\n{svg}\n</figure>\n"


def table_html(table: Table) -> str:
    columns, rows = printed_rows(table)
    kinds = [' class="number"' if is_number(column) else "" for column in columns]
    head = "".join(
        f'<th scope="col"{kind}>{escape(column.heading)}</th>'
        for column, kind in zip(columns, kinds, strict=True)
    )
    body = "\n".join(
        "<tr>"
        + "".join(f"<td{kind}>{escape(cell)}</td>" for cell, kind in zip(row, kinds, strict=True))
        + "</tr>"
        for row in rows
    )
    rest = rest_text(table)
    more = f'<p class="soft">{escape(rest)}</p>\n' if rest else ""
    name = f"table-{table.name}"
    return (
        f'<section>\n<h2 id="{name}">{escape(table.title)}</h2>\n<div class="wide">\n'
        f'<table aria-labelledby="{name}">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n'
        f"</div>\n{more}</section>\n"
    )
