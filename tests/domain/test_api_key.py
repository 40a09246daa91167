"""The rules of an API key: issued once, revoked for ever, known to its account alone."""

from dataclasses import replace

from domain.api_key import API_KEY, ApiKeyIssued, ApiKeyRevoked, IssueApiKey, RevokeApiKey, Scope
from domain.rejection import Rejection
from tests.examples import CUSTOMER, OWNER, T0_MS, at_ms
from tests.scenario import Scenario

key = Scenario(API_KEY)
issue = IssueApiKey(
    key_id="k1234567",
    account_id=CUSTOMER,
    name="laptop",
    prefix="ak_k1234567",
    secret_sha256="e" * 64,
    scopes=(Scope.READ, Scope.WRITE),
    now_ms=T0_MS,
)
issued = ApiKeyIssued(
    key_id="k1234567",
    account_id=CUSTOMER,
    name="laptop",
    prefix="ak_k1234567",
    secret_sha256="e" * 64,
    scopes=(Scope.READ, Scope.WRITE),
    issued_at_ms=T0_MS,
)
revoke = RevokeApiKey(key_id="k1234567", account_id=CUSTOMER, now_ms=at_ms(9))
revoked = ApiKeyRevoked(key_id="k1234567", account_id=CUSTOMER, revoked_at_ms=at_ms(9))


def test_a_key_is_issued_once() -> None:
    key.given().when(issue).then(issued)
    key.given(issued).when(issue).then_nothing()


def test_a_key_without_scopes_is_refused() -> None:
    key.given().when(replace(issue, scopes=())).then_rejected(Rejection.SCOPES_EMPTY)


def test_revoking_is_final() -> None:
    key.given(issued).when(revoke).then(revoked)
    key.given(issued, revoked).when(revoke).then_nothing()
    key.given(issued, revoked).when(issue).then_nothing()
    assert API_KEY.fold([issued, revoked]).is_revoked


def test_a_stranger_cannot_tell_whether_a_key_exists() -> None:
    key.given(issued).when(replace(revoke, account_id=OWNER)).then_rejected(Rejection.KEY_UNKNOWN)
    key.given().when(revoke).then_rejected(Rejection.KEY_UNKNOWN)
