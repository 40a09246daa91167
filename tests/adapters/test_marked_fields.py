"""Every mark on an event names whom the text is about, so that nothing marked is written readable."""

from typing import get_type_hints

import pytest

from adapters.codec import EVENTS
from adapters.marked_fields import NOTHING, dataclasses_in, look_up, marked
from domain.batch_events import BatchSubmitted
from domain.job_events import JobSubmitted
from domain.personal import PersonalOf

MARKED = [kind for kind in EVENTS.values() if marked(kind) != NOTHING]


@pytest.mark.parametrize("kind", MARKED, ids=lambda kind: kind.__name__)
def test_a_mark_of_an_event_names_a_field_of_it(kind: type) -> None:
    around = set(kind.__dataclass_fields__)  # type: ignore[attr-defined]  # every event is a dataclass
    for part in parts_of(kind):
        known = around | set(part.__dataclass_fields__)  # type: ignore[attr-defined]  # a dataclass as well
        for name, mark in look_up(part).own:
            assert not isinstance(mark, PersonalOf) or mark.subject in known, (part, name)


def parts_of(kind: type) -> list[type]:
    """An event and what lies in it, however deep."""
    found = [kind]
    for one in found:
        hints = get_type_hints(one, include_extras=True)
        found += [part for hint in hints.values() for part in dataclasses_in(hint) if part not in found]
    return found


def test_what_people_send_to_run_is_marked() -> None:
    assert JobSubmitted in MARKED
    assert BatchSubmitted in MARKED
