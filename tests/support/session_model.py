"""A small model of accounts and sessions, written from API.md and not from the code.

It counts nothing that the service counts: a login is a list of the moments at which its refresh
tokens were spent, and a refresh token is a place in that list. Every method says what the
service has to answer: `OK`, or the code of its refusal.
"""

from dataclasses import dataclass, field

from tests.support.api import MovableClock
from tests.support.http import decode_claims

OK = "ok"

# In seconds; short, so that a few moves of the clock pass them.
ACCESS_LIFETIME = 60
REFRESH_LIFETIME = 150


@dataclass(frozen=True)
class Policy:
    rotates: bool
    grace: int


@dataclass(frozen=True)
class Answer:
    """What a service says: the code of its refusal, or the tokens that it gives."""

    code: str = OK
    access: str | None = None
    refresh: str | None = None
    expires_in: int | None = None


@dataclass
class Account:
    password: str
    purges: int = 0
    """How often all its sessions were ended at once."""


@dataclass(eq=False)
class Login:
    """One login and all that came of it."""

    email: str
    account: Account
    purges: int
    ends_at: int
    over: bool = False
    spent_at: list[float] = field(default_factory=list)
    texts: dict[tuple[int, str], str] = field(default_factory=dict)
    """Each refresh token by its place and its key."""


@dataclass(frozen=True, eq=False)
class Grant:
    """An access token, and the refresh token that came with it or that it came of."""

    login: Login
    access: str
    access_key: str
    access_ends_at: int
    refresh: str
    refresh_key: str
    place: int


class Model:
    def __init__(self, policy: Policy, clock: MovableClock) -> None:
        self.policy = policy
        self.clock = clock
        self.keys: list[str] = []
        self.accounts: dict[str, Account] = {}
        self.grants: list[Grant] = []
        self.thefts: list[str] = []

    def register(self, email: str, password: str) -> str:
        if email in self.accounts:
            return "duplicate_email"
        self.accounts[email] = Account(password)
        return OK

    def log_in(self, email: str, password: str) -> str:
        account = self.accounts.get(email)
        return OK if account and account.password == password else "invalid_credentials"

    def refresh(self, grant: Grant) -> str:
        login, now = grant.login, self.clock()
        standing = self._standing(login, grant.refresh_key, login.ends_at)
        if standing != OK:
            return standing
        age = len(login.spent_at) - grant.place
        in_grace = age == 1 and now - login.spent_at[-1] < self.policy.grace
        if age > 0 and not in_grace:
            login.over = True
            self.thefts.append(login.email)
            return "token_reused"
        if login.over:
            return "token_revoked"
        if age == 0 and self.policy.rotates:
            login.spent_at.append(now)
        return OK

    def log_out(self, grant: Grant) -> str:
        if self._standing(grant.login, grant.refresh_key, grant.login.ends_at) == OK:
            grant.login.over = True
        return OK

    def log_out_everywhere(self, grant: Grant) -> str:
        standing = self.open(grant)
        if standing == OK:
            grant.login.account.purges += 1
        return standing

    def change_password(self, grant: Grant, current: str, new: str) -> str:
        standing, account = self.open(grant), grant.login.account
        if standing != OK:
            return standing
        if current != account.password:
            return "invalid_credentials"
        account.password = new
        account.purges += 1
        return OK

    def open(self, grant: Grant) -> str:
        standing = self._standing(grant.login, grant.access_key, grant.access_ends_at)
        return "token_revoked" if standing == OK and grant.login.over else standing

    def live_grants(self) -> list[Grant]:
        return [grant for grant in self.grants if self.open(grant) == OK]

    def begun(self, email: str, answer: Answer) -> Grant:
        """Take note of a new login's tokens."""
        account = self.accounts[email]
        ends_at = int(self.clock()) + REFRESH_LIFETIME
        login = Login(email, account, account.purges, ends_at)
        return self._granted(login, answer, answer.refresh, self.keys[0])

    def refreshed(self, grant: Grant, answer: Answer) -> Grant:
        """Take note of a refresh's tokens."""
        if self.policy.rotates:
            return self._granted(grant.login, answer, answer.refresh, self.keys[0])
        assert answer.refresh is None
        return self._granted(grant.login, answer, grant.refresh, grant.refresh_key)

    def _granted(self, login: Login, answer: Answer, refresh: str | None, key: str) -> Grant:
        now, place = int(self.clock()), len(login.spent_at)
        ends_at = min(now + ACCESS_LIFETIME, login.ends_at)
        assert answer.expires_in == ends_at - now
        assert answer.access is not None
        assert refresh is not None
        assert decode_claims(answer.access)["exp"] == ends_at
        assert decode_claims(refresh)["exp"] == login.ends_at, "the session's end has moved"
        assert login.texts.setdefault((place, key), refresh) == refresh, "not the same successor"
        grant = Grant(login, answer.access, self.keys[0], ends_at, refresh, key, place)
        self.grants.append(grant)
        return grant

    def _standing(self, login: Login, key: str, ends_at: int) -> str:
        if key not in self.keys:
            return "token_invalid"
        if ends_at <= self.clock():
            return "token_expired"
        return OK if login.purges == login.account.purges else "token_revoked"
