"""A review: one an account and cargo, changed by its author alone, judged once by each reader."""

from typing import Final

from domain.rejection import Rejection
from domain.review import REVIEW, FlagReview, RemoveReview, VoteOnReview, WithdrawReview
from tests.examples import CUSTOMER, at_ms
from tests.marketplace_examples import READER, edited, flagged, removed, voted, withdrawn, write, written
from tests.scenario import Scenario

REVIEWS: Final = Scenario(REVIEW)
WITHDRAW: Final = WithdrawReview(now_ms=at_ms(2))
REMOVE: Final = RemoveReview(reason="it advertises", now_ms=at_ms(3))
HELPED: Final = VoteOnReview(voter_id=READER, is_helpful=True, now_ms=at_ms(4))
FLAG: Final = FlagReview(flagger_id=READER, reason="it advertises", now_ms=at_ms(5))


def test_a_customer_writes_a_review() -> None:
    REVIEWS.when(write(4)).then(written(4))


def test_the_same_rating_again_changes_nothing() -> None:
    REVIEWS.given(written(4)).when(write(4, title=None, comment=None)).then_nothing()


def test_another_rating_is_another_revision_and_names_the_former_one() -> None:
    REVIEWS.given(written(4)).when(write(2, now_ms=at_ms(1))).then(edited(2, 4, revision=2))


def test_another_text_keeps_the_revision_of_the_rating() -> None:
    changed = write(4, title="Slow", now_ms=at_ms(1))
    REVIEWS.given(written(4)).when(changed).then(edited(4, 4, title="Slow", revision=1))


def test_a_rating_alone_keeps_the_words() -> None:
    rated = write(2, title=None, comment=None, now_ms=at_ms(1))
    REVIEWS.given(written(4)).when(rated).then(edited(2, 4))
    REVIEWS.when(write(3, title=None, comment=None)).then(written(3, title="", comment=""))


def test_what_was_withdrawn_may_be_written_again_under_the_next_revision() -> None:
    REVIEWS.given(written(4)).when(WITHDRAW).then(withdrawn(4))
    REVIEWS.given(written(4), withdrawn(4)).when(WITHDRAW).then_nothing()
    REVIEWS.given(written(4), withdrawn(4)).when(write(5)).then(written(5, revision=3))


def test_what_staff_removed_is_not_written_again() -> None:
    REVIEWS.given(written(4)).when(REMOVE).then(removed(4))
    gone = REVIEWS.given(written(4), removed(4))
    gone.when(REMOVE).then_nothing()
    gone.when(write(5)).then_rejected(Rejection.REVIEW_REMOVED)


def test_an_account_votes_once_and_its_first_vote_stands() -> None:
    REVIEWS.given(written()).when(HELPED).then(voted())
    REVIEWS.given(written(), voted(is_helpful=False)).when(HELPED).then_nothing()
    counted = REVIEW.fold([written(), voted(), voted(CUSTOMER, is_helpful=False)])
    assert (counted.helpful, counted.not_helpful) == (1, 1)


def test_an_account_flags_once() -> None:
    REVIEWS.given(written()).when(FLAG).then(flagged())
    REVIEWS.given(written(), flagged()).when(FLAG).then_nothing()


def test_nobody_judges_the_own_review() -> None:
    own_vote = VoteOnReview(voter_id=CUSTOMER, is_helpful=True, now_ms=0)
    own_flag = FlagReview(flagger_id=CUSTOMER, reason="no", now_ms=0)
    for command in (own_vote, own_flag):
        REVIEWS.given(written()).when(command).then_rejected(Rejection.REVIEW_OWN)


def test_a_review_that_is_not_there_is_neither_judged_nor_removed() -> None:
    for command in (HELPED, FLAG, REMOVE):
        REVIEWS.when(command).then_rejected(Rejection.REVIEW_UNKNOWN)
        REVIEWS.given(written(), withdrawn()).when(command).then_rejected(Rejection.REVIEW_UNKNOWN)
    REVIEWS.when(WITHDRAW).then_nothing()
