"""Which fields of events are personal: what a person wrote or what tells who they are.

A mark and nothing more: decisions read the field as the text it is. `adapters` encrypt a marked field under a key of
the person it belongs to, kept outside the log; who is forgotten loses the key, and the books still add up.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PersonalOf:
    """Used as `Annotated[str, PersonalOf("account_id")]`: `subject` names the field with the person's account id."""

    subject: str
