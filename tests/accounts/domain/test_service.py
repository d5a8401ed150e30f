"""Hash upgrades, and what the service writes to its store."""

from collections.abc import Callable, Sized
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from accounts.domain.errors import (
    HashingOverloaded,
    InvalidCredentials,
    ProfileTooLarge,
    TokenReused,
    TokenRevoked,
)
from accounts.domain.events import Event
from accounts.domain.interfaces import SubmittedPassword
from accounts.domain.service import AccountService, TokenPair
from accounts.domain.sessions import Session
from accounts.domain.users import EmailAddress, User
from accounts.passwords.executor import HashingExecutor
from accounts.passwords.hasher import BcryptHasher
from accounts.passwords.policy import parse_password
from accounts.stores.memory import DELETION_MARGIN_SECONDS, MemoryStore
from tests.support.api import MovableClock
from tests.support.http import Start, decode_claims
from tests.support.passwords import NORMALIZED, SUBMITTED, T, build_hasher, record_costs
from tests.support.sessions import LIFETIME, record_signals
from tests.support.stores import EMAIL

UNKNOWN = EmailAddress("unknown@example.com")
WRONG = parse_password("another battery")


class CountingStore(MemoryStore):
    """Counts reads and updates of users and sessions, and how many containers' items it keeps."""

    reads = writes = 0

    def get_user_and_session(
        self, email: EmailAddress, sid: str
    ) -> tuple[User | None, Session | None]:
        self.reads += 1
        return super().get_user_and_session(email, sid)

    def update_user(self, email: EmailAddress, update_fn: Callable[[User], User]) -> User:
        self.writes += 1
        return super().update_user(email, update_fn)

    def update_session(
        self, email: EmailAddress, sid: str, update_fn: Callable[[Session | None], Session]
    ) -> Session:
        self.writes += 1
        return super().update_session(email, sid, update_fn)

    def sizes(self) -> set[int]:
        """Return the size of every container except the users."""
        containers = {name: value for name, value in vars(self).items() if isinstance(value, Sized)}
        del containers["_users"]
        if not self._listed:
            del containers["_listed"]
        return {len(container) for container in containers.values()}


@pytest.fixture
def store(clock: MovableClock) -> CountingStore:
    return CountingStore(clock, elapsed=clock)


@pytest.fixture
def start_service(start: Start, store: CountingStore) -> Callable[..., AccountService]:
    """Start a service with one account; a second start keeps it."""

    def start_service(**settings: object) -> AccountService:
        service = start(**settings).accounts
        service.store = store
        if store.count_users() == 0:
            service.register(EMAIL, NORMALIZED)
        return service

    return start_service


StartService = Callable[..., AccountService]


def get_user(service: AccountService) -> User:
    user = service.store.get_user(EMAIL)
    assert user is not None
    return user


def refresh(service: AccountService, pair: TokenPair, times: int = 1) -> TokenPair:
    for _ in range(times):
        assert pair.refresh_token is not None
        pair = service.refresh(pair.refresh_token)
    return pair


# Hash upgrades


def test_login_upgrades_hash_of_another_cost(start_service: StartService) -> None:
    before = get_user(start_service())
    service = start_service(BCRYPT_ROUNDS=5)
    service.login(EMAIL, SUBMITTED)
    upgraded = get_user(service)
    assert "$2b$05$" in upgraded.password_hash
    assert upgraded == replace(before, password_hash=upgraded.password_hash)
    service.login(EMAIL, SUBMITTED)
    assert get_user(service) == upgraded


def test_wrong_password_upgrades_no_hash(start_service: StartService) -> None:
    before = get_user(start_service())
    service = start_service(BCRYPT_ROUNDS=5)
    with pytest.raises(InvalidCredentials):
        service.login(EMAIL, WRONG)
    assert get_user(service) == before


@pytest.mark.parametrize("password", [SUBMITTED, WRONG], ids=["right", "wrong"])
def test_disabled_user_with_a_cheaper_hash_takes_the_time_of_an_unknown_user(
    start_service: StartService, monkeypatch: pytest.MonkeyPatch, password: SubmittedPassword
) -> None:
    start_service(BCRYPT_ROUNDS=4)
    service = start_service(BCRYPT_ROUNDS=6)
    service.store.update_user(EMAIL, lambda user: replace(user, disabled=True))
    costs = record_costs(cast(BcryptHasher, service.hasher), monkeypatch)
    for email in (EMAIL, UNKNOWN):
        with pytest.raises(InvalidCredentials):
            service.login(email, password)
    assert costs == [6, 6]


def test_hash_upgrade_keeps_a_password_changed_meanwhile(start_service: StartService) -> None:
    before = get_user(start_service())
    service = start_service(BCRYPT_ROUNDS=5)
    changed = service.store.update_user(EMAIL, lambda user: replace(user, password_hash="new"))
    service._upgrade_hash(before, NORMALIZED)
    assert get_user(service) == changed


class OneHashExecutor(HashingExecutor):
    """Raises `HashingOverloaded` from the second hash on."""

    used = False

    def run(self, function: Callable[[], T]) -> T:
        if self.used:
            raise HashingOverloaded
        self.used = True
        return super().run(function)


def test_login_succeeds_when_hash_upgrade_is_overloaded(start_service: StartService) -> None:
    before = get_user(start_service())
    service = start_service()
    service.hasher = build_hasher(rounds=5, executor=OneHashExecutor(threads=1))
    assert service.authenticate(EMAIL, SUBMITTED) == before
    assert get_user(service) == before


# Events and sessions


def test_each_register_and_login_emits_its_event(start: Start) -> None:
    service = start().accounts
    with record_signals() as events:
        service.register(EMAIL, NORMALIZED)
        with pytest.raises(InvalidCredentials):
            service.authenticate(EMAIL, WRONG)
        service.authenticate(EMAIL, SUBMITTED)
    names = [Event.USER_CREATED, Event.LOGIN_FAIL, Event.LOGIN_SUCCESS]
    assert events == [(name, EMAIL) for name in names]


def test_token_and_session_ids_have_128_bits(start_service: StartService) -> None:
    service = start_service(ROTATE_REFRESH_TOKENS=True)
    first = service.login(EMAIL, SUBMITTED)
    for pair in (first, refresh(service, first)):
        access, claims = (decode_claims(t or "") for t in (pair.access_token, pair.refresh_token))
        for name in (access["jti"], claims["jti"], claims["sid"]):
            assert len(bytes.fromhex(name)) == 16


def test_session_of_no_login_lasts_as_a_remembered_one(start_service: StartService) -> None:
    service = start_service()
    pair = service.start_session(get_user(service))
    assert (pair.remember, pair.refresh_expires_in) == (True, LIFETIME)


# What is written


@pytest.mark.parametrize("rotate", [False, True])
def test_login_writes_nothing(
    start_service: StartService, store: CountingStore, rotate: bool
) -> None:
    start_service(ROTATE_REFRESH_TOKENS=rotate).login(EMAIL, SUBMITTED)
    assert store.writes == 0


def test_refresh_without_rotation_writes_nothing(
    start_service: StartService, store: CountingStore
) -> None:
    service = start_service(ROTATE_REFRESH_TOKENS=False)
    pair = service.login(EMAIL, SUBMITTED)
    for _ in range(2):
        assert refresh(service, pair).refresh_token is None
    assert store.writes == 0


def test_refresh_with_rotation_writes_once_and_a_retry_nothing(
    start_service: StartService, store: CountingStore
) -> None:
    service = start_service(ROTATE_REFRESH_TOKENS=True)
    first = service.login(EMAIL, SUBMITTED)
    rotated = refresh(service, first)
    assert store.writes == 1
    assert refresh(service, first).refresh_token == rotated.refresh_token
    assert store.writes == 1


def test_stolen_token_writes_once(start_service: StartService, store: CountingStore) -> None:
    service = start_service(ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=0)
    first = service.login(EMAIL, SUBMITTED)
    refresh(service, first)
    for _ in range(2):
        with pytest.raises(TokenReused):
            refresh(service, first)
    assert store.writes == 2


def test_logout_of_every_session_writes_once(
    start_service: StartService, start: Start, store: CountingStore
) -> None:
    service = start_service()
    pairs = [service.login(EMAIL, SUBMITTED) for _ in range(3)]
    claims = service.tokens.verify_refresh(pairs[0].refresh_token or "")
    service.logout_all(claims)
    assert (store.writes, store.sizes()) == (1, {0})
    for pair in pairs:
        with pytest.raises(TokenRevoked):
            refresh(service, pair)


def test_logout_reads_once_and_writes_once(
    start_service: StartService, store: CountingStore
) -> None:
    service = start_service()
    assert service.logout(service.login(EMAIL, SUBMITTED).refresh_token or "")
    assert (store.reads, store.writes) == (1, 1)


def test_logout_by_no_token_reads_and_writes_nothing(
    start_service: StartService, store: CountingStore
) -> None:
    assert not start_service().logout("garbage")
    assert (store.reads, store.writes) == (0, 0)


def test_logout_of_a_session_that_ends_now_writes_nothing(
    start_service: StartService, store: CountingStore, clock: MovableClock
) -> None:
    service = start_service()
    pair = service.login(EMAIL, SUBMITTED)
    clock.advance(int(clock()) + LIFETIME - clock())
    assert not service.logout(pair.refresh_token or "")
    assert store.writes == 0


def test_profile_of_register_is_stored(start: Start) -> None:
    service = start().accounts
    service.register(EMAIL, NORMALIZED, {"name": "Ada"})
    assert get_user(service).profile == {"name": "Ada"}


def test_profile_change_keeps_the_other_fields_and_emits_an_event(
    start_service: StartService,
) -> None:
    service = start_service()
    claims = service.tokens.verify_refresh(service.login(EMAIL, SUBMITTED).refresh_token or "")
    service.update_profile(claims, {"name": "Ada", "level": 1})
    before = get_user(service)
    with record_signals() as events:
        updated = service.update_profile(claims, {"level": 2})
    assert events == [(Event.USER_UPDATED, EMAIL)]
    assert get_user(service) == updated == before.with_profile({"level": 2})
    assert updated.profile == {"name": "Ada", "level": 2}


def test_profile_too_large_with_the_stored_fields_changes_nothing(
    start_service: StartService,
) -> None:
    service = start_service()
    claims = service.tokens.verify_refresh(service.login(EMAIL, SUBMITTED).refresh_token or "")
    before = service.update_profile(claims, {"a": "x" * 3000})
    with pytest.raises(ProfileTooLarge), record_signals() as events:
        service.update_profile(claims, {"b": "x" * 3000})
    assert (get_user(service), events) == (before, [])


@pytest.mark.parametrize("revoke", ["logout_all", "delete"])
def test_profile_change_of_a_revoked_token_is_refused(
    start_service: StartService, revoke: str
) -> None:
    service = start_service()
    claims = service.tokens.verify_refresh(service.login(EMAIL, SUBMITTED).refresh_token or "")
    if revoke == "logout_all":
        service.logout_all(claims)
    else:
        service.store.delete_user(EMAIL, lambda user: None)
    with pytest.raises(TokenRevoked):
        service.update_profile(claims, {"name": "Ada"})


# What is forgotten


def end_by_logout(service: AccountService) -> None:
    service.logout(service.login(EMAIL, SUBMITTED).refresh_token or "")


def end_by_theft(service: AccountService) -> None:
    first = service.login(EMAIL, SUBMITTED)
    refresh(service, first, times=2)
    with pytest.raises(TokenReused):
        refresh(service, first)


def rotate_often(service: AccountService) -> None:
    refresh(service, service.login(EMAIL, SUBMITTED), times=20)


@pytest.mark.parametrize("use_session", [end_by_logout, end_by_theft, rotate_often])
def test_expired_session_is_deleted(
    start_service: StartService,
    store: CountingStore,
    clock: MovableClock,
    use_session: Callable[[AccountService], None],
) -> None:
    service = start_service(ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=0)
    for _ in range(5):
        use_session(service)
    assert store.sizes() == {5}
    clock.advance(LIFETIME + DELETION_MARGIN_SECONDS)
    use_session(service)
    assert store.sizes() == {1}


def test_revoked_session_is_kept_until_its_tokens_expire(
    start: Start, start_service: StartService, clock: MovableClock
) -> None:
    service = start_service(ACCESS_TOKEN_LIFETIME=timedelta(seconds=LIFETIME - 1))
    pair = service.login(EMAIL, SUBMITTED)
    service.logout(pair.refresh_token or "")
    clock.advance(LIFETIME - 2)
    end_by_logout(service)
    with pytest.raises(TokenRevoked):
        refresh(service, pair)


def test_memory_is_bounded_by_sessions_of_one_lifetime(
    store: CountingStore, clock: MovableClock
) -> None:
    sizes: set[int] = set()
    for number in range(300):
        session = Session(str(number), int(clock()) + LIFETIME)
        store.update_session(EMAIL, session.sid, lambda _, new=session: new)  # type: ignore[misc]  # no type for a default
        sizes |= store.sizes()
        clock.advance(LIFETIME / 10)
    assert max(sizes) <= 11 + DELETION_MARGIN_SECONDS / (LIFETIME / 10)
