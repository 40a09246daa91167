"""Fields that many answers have, with what they mean."""

from typing import Annotated, Any

from pydantic import Field

Instant = Annotated[str, Field(description="UTC.", json_schema_extra={"format": "date-time"})]
Credits = Annotated[str, Field(description="Credits as a decimal text.", examples=["1.5"])]
Digest = Annotated[str, Field(description="SHA-256 of the bytes.", examples=["sha256:ca97…"])]
Position = Annotated[int, Field(description="A position of the log.")]
EventAddress = Annotated[
    str, Field(description="Where an event stands in the log: position and index.", examples=["412.0"])
]
JsonValue = Annotated[Any, Field(description="Any JSON.")]
