"""The JSON Schema of a wire message, as an annotation that FastStream's AsyncAPI document understands.

FastStream describes payloads with pydantic, which knows nothing of msgspec's structs. Bodies travel as bytes either
way; the annotation only says what is in them.
"""

from typing import Annotated, Any

import msgspec
from pydantic import WithJsonSchema


def payload_of(message: type[msgspec.Struct]) -> Any:
    """Bytes that hold `message`: give it as a handler's annotation or a publisher's schema."""
    (schema,), components = msgspec.json.schema_components([message], ref_template="{name}")
    return Annotated[bytes, WithJsonSchema(_resolved(schema, components))]


def _resolved(part: Any, components: dict[str, Any]) -> Any:
    """Every reference replaced by what it refers to; wire messages do not contain themselves."""
    match part:
        case {"$ref": str(name)}:
            return _resolved(components[name], components)
        case dict():
            return {key: _resolved(value, components) for key, value in part.items()}
        case list():
            return [_resolved(value, components) for value in part]
        case _:
            return part
