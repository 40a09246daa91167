"""Bars as one drawing, for the page as SVG and for the PDF as it is."""

from html import escape
from typing import Any, Final, Literal

from reportlab.graphics.renderSVG import drawToString
from reportlab.graphics.shapes import Drawing, Line, Rect, String
from reportlab.lib.colors import HexColor

from adapters.reports.bars import Bars
from adapters.reports.wording import cell_text
from commands.reports.report import Column

WIDTH: Final = 498.0
HEIGHT: Final = 120.0
LEFT: Final = 62.0
BOTTOM: Final = 18.0
TOP: Final = 12.0
BAR_WIDTH_MAX: Final = 28.0
LABELS_MAX: Final = 12
INK: Final = HexColor("#555b66")
BAR: Final = HexColor("#2f6f8f")
RULE: Final = HexColor("#d5d9e0")
FONT_SIZE: Final = 7.5


def bar_chart(bars: Bars) -> Drawing:
    """Points of a sheet. Bars stand on 0; one below 0 hangs from it."""
    drawing = Drawing(WIDTH, HEIGHT)
    high, low = max(*bars.values, 0), min(*bars.values, 0)
    span = (high - low) or 1
    room = HEIGHT - BOTTOM - TOP

    def height_of(value: int) -> float:
        return BOTTOM + room * (value - low) / span

    for value in sorted({low, 0, high}):
        drawing.add(line(LEFT, height_of(value), WIDTH, height_of(value)))
        drawing.add(label(axis_text(bars, value), LEFT - 5, height_of(value) - 2.5, "end"))
    step = (WIDTH - LEFT) / len(bars.values)
    width = min(step * 0.72, BAR_WIDTH_MAX)
    for number, value in enumerate(bars.values):
        left = LEFT + step * number + (step - width) / 2
        zero, end = height_of(0), height_of(value)
        drawing.add(bar(left, min(zero, end), width, abs(end - zero)))
    every = -(-len(bars.labels) // LABELS_MAX)
    for number in range(0, len(bars.labels), every):
        centre = LEFT + step * number + step / 2
        drawing.add(label(bars.labels[number][-5:], centre, BOTTOM - 12, "middle"))
    return drawing


def bar(left: float, bottom: float, width: float, height: float) -> Rect:
    rectangle = Rect(left, bottom, width, height)
    rectangle.fillColor, rectangle.strokeColor, rectangle.strokeWidth = BAR, None, 0
    return rectangle


def line(x1: float, y1: float, x2: float, y2: float) -> Line:
    return Line(x1, y1, x2, y2, strokeColor=RULE, strokeWidth=0.6)


def label(text: str, x: float, y: float, anchor: Literal["middle", "end"]) -> String:
    return String(x, y, text, fontName="Helvetica", fontSize=FONT_SIZE, fillColor=INK, textAnchor=anchor)


def axis_text(bars: Bars, value: int) -> str:
    return cell_text(Column(name="", heading="", measure=bars.measure), value, 2)


def svg_of(drawing: Drawing, title: str) -> str:
    """One element that can stand in a page, and says its title to who cannot see it."""
    text: Any = drawToString(drawing)
    svg = str(text)[str(text).index("<svg") :].strip()
    return svg.replace("<svg ", '<svg role="img" ', 1).replace(
        "<title>...</title>", f"<title>{escape(title)}</title>", 1
    )
