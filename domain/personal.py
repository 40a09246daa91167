"""Which fields of events may not be read for ever: what is personal, and what is secret.

Marks and nothing more: decisions read the field as the text it is. They say what erasure and encryption will have to
reach; **nothing encrypts a marked field yet**, and the log holds it readable (docs/security.md).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PersonalOf:
    """Used as `Annotated[str, PersonalOf("account_id")]`: `subject` names the field with the person's account id."""

    subject: str


@dataclass(frozen=True, slots=True)
class SecretField:
    """Used as `Annotated[str, SecretField()]`: nobody but the network itself may ever read it."""
