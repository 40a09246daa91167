"""What the placeholders of a step's input stand for."""

from typing import Any

import pytest

from api.step_input import BadPlaceholder, NoSuchValue, filled, keys_in

OUTPUTS = {"a": '{"n":7,"list":[{"x":"y"}],"t":"{{b.output.text}}"}', "b": "plain {{a.output.text}}"}


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{b.output.text}}", OUTPUTS["b"]),
        ("{{ a.output.json.n }}", 7),
        ("{{a.output.json.list.0.x}}", "y"),
        ("{{a.output.json.list}}", [{"x": "y"}]),
        ("<{{a.output.json.n}}|{{a.output.json.list}}>", '<7|[{"x":"y"}]>'),
        ({"deep": ["{{a.output.json.n}}", 1, None]}, {"deep": [7, 1, None]}),
        ("no {placeholder}", "no {placeholder}"),
        ("{{a.output.json.t}}", "{{b.output.text}}"),
    ],
)
def test_a_placeholder_becomes_the_value_and_what_it_stands_for_is_not_looked_at_again(
    template: Any, value: Any
) -> None:
    assert filled(template, OUTPUTS) == value


@pytest.mark.parametrize(
    "template",
    ["{{b.output.json}}", "{{a.output.json.nothing}}", "{{a.output.json.list.9}}", "{{a.output.json.n.x}}"],
)
def test_a_value_that_is_not_there_is_told_without_the_output(template: str) -> None:
    with pytest.raises(NoSuchValue) as told:
        filled(template, OUTPUTS)
    assert "plain" not in str(told.value)


def test_the_steps_that_are_wanted_are_found_wherever_they_stand() -> None:
    template = {"x": ["{{a.output.text}} {{b.output.json.q}}", {"y": "{{c.output.text}}"}], "z": 1}
    assert list(keys_in(template)) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "text", ["{{a}}", "{{a.output}}", "{{a.output.text.x}}", "{{}}", "{{a b.output.text}}"]
)
def test_any_other_form_is_refused(text: str) -> None:
    with pytest.raises(BadPlaceholder, match="placeholders are"):
        list(keys_in({"text": text}))
