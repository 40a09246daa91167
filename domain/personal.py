"""Which fields may not lie readable anywhere: what is personal, and what is secret.

Marks on the fields of events and of the rows made from them. `adapters.field_cipher` seals a marked text before it is
written, with a key kept outside the log, and reveals it where a person is shown it; all that lies in between (log,
archive, tables, pictures) holds the sealed text. A personal text has a key per subject: who is forgotten loses it, and
the books still add up. A secret has the network's own key. Decisions must not compare a marked text: they are given it
sealed.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PersonalOf:
    """Used as `Annotated[str, PersonalOf("account_id")]`: `subject` names the field with the id of whom it is about.

    That id is an account or an island, and may stand in the event around a nested part. A text that `holds_json` stays
    JSON when it is forgotten. One that is `copied` may be taken sealed from another event, and stays that one's.
    Rows of the read side, whose texts come sealed from events, may name None.
    """

    subject: str | None
    holds_json: bool = False
    copied: bool = False


@dataclass(frozen=True, slots=True)
class SecretField:
    """Used as `Annotated[str, SecretField()]`: readable only to those who hold the network's key."""
