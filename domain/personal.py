"""Which fields of events may not stand readable in the log: what is personal, and what is secret.

Marks and nothing more: decisions read the field as the text it is. `adapters` encrypt a marked field with a key kept
outside the log. A personal field has a key per person: who is forgotten loses it, and the books still add up. A
secret field has the network's own key: whoever reads the log without it learns nothing.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PersonalOf:
    """Used as `Annotated[str, PersonalOf("account_id")]`: `subject` names the field with the person's account id."""

    subject: str


@dataclass(frozen=True, slots=True)
class SecretField:
    """Used as `Annotated[str, SecretField()]`: readable only to those who hold the network's key."""
