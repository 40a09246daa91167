"""A report as JSON: one object, a line for each row, so that two of them can be compared line by line."""

import json
from typing import Any


def json_form(facts: dict[str, Any], digest: str) -> str:
    """Ends with the digest of everything before it."""
    lines = [f" {json.dumps(name)}: {value_text(value)}" for name, value in facts.items()]
    lines.append(f' "digest": {json.dumps(digest)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def value_text(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(f"  {json.dumps(row)}" for row in value) + "\n ]"
    return json.dumps(value)
