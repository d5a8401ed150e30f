"""A small model of accounts and sessions, written from docs/reference/api.md, not from the code.

It keeps other data than the service: a login is the list of times at which its refresh tokens were
used, and a refresh token is a position in that list. A session is listed because of what happened
to its login, not because of a list. Every method returns the expected result: `OK` or an error
code.
"""

from dataclasses import dataclass, field
from enum import Enum, auto

from tests.support.api import MovableClock
from tests.support.http import decode_claims

OK = "ok"
UNAVAILABLE = "store_unavailable"
UNKNOWN_ACCOUNT = "unknown account"
"""An operator's command names an account that does not exist."""

# In seconds; short, so that a few moves of the clock pass them.
ACCESS_LIFETIME = 60
REFRESH_LIFETIME = 150
SHORT_LIFETIME = 80
SLIDING_LIFETIME = 400

MAX_SESSIONS = 3
"""In place of 20, so that a few logins reach it."""


class StoreState(Enum):
    UP = auto()
    READ_ONLY = auto()
    DOWN = auto()


@dataclass(frozen=True)
class Policy:
    rotates: bool
    grace: int
    tracks: bool = False
    slides: bool = False


@dataclass(frozen=True)
class ListedSession:
    sid: str
    current: bool
    created_at: float
    last_refreshed_at: float | None


@dataclass(frozen=True)
class Result:
    """The result of a call: an error code, or tokens."""

    code: str = OK
    access: str | None = None
    refresh: str | None = None
    expires_in: int | None = None
    sessions: list[ListedSession] | None = None


@dataclass
class Account:
    password: str
    revocations: int = 0
    """How often all its sessions were revoked at once."""
    disabled: bool = False


@dataclass(eq=False)
class Login:
    """A login and its later tokens."""

    email: str
    account: Account
    revocations: int
    sid: str
    began_at: float
    remember: bool
    ends_at: list[int]
    """When each of its refresh tokens expires; the session ends with the last one."""
    revoked: bool = False
    last_refreshed_at: float | None = None
    used_at: list[float] = field(default_factory=list)
    tokens: dict[tuple[int, str], str] = field(default_factory=dict)
    """Each refresh token by position and key."""


@dataclass(frozen=True, eq=False)
class Grant:
    """An access token, with the refresh token that came with it or that it was refreshed with."""

    login: Login
    access: str
    access_key: str
    issued_at: int
    access_ends_at: int
    refresh: str
    refresh_key: str
    position: int


class Model:
    def __init__(self, policy: Policy, clock: MovableClock) -> None:
        self.policy = policy
        self.clock = clock
        self.store = StoreState.UP
        self.keys: list[str] = []
        self.accounts: dict[str, Account] = {}
        self.grants: list[Grant] = []
        self.logins: list[Login] = []
        self.reused_by: list[str] = []

    @property
    def is_down(self) -> bool:
        return self.store is StoreState.DOWN

    @property
    def refuses_changes(self) -> bool:
        return self.store is not StoreState.UP

    def register(self, email: str, password: str) -> str:
        if self.is_down:
            return UNAVAILABLE
        if email in self.accounts:
            return "duplicate_email"
        if self.refuses_changes:
            return UNAVAILABLE
        self.accounts[email] = Account(password)
        return OK

    import_account = register

    def log_in(self, email: str, password: str) -> str:
        if self.is_down:
            return UNAVAILABLE
        account = self.accounts.get(email)
        if account is None or account.disabled or account.password != password:
            return "invalid_credentials"
        return UNAVAILABLE if self.policy.tracks and self.refuses_changes else OK

    def refresh(self, grant: Grant) -> str:
        login, now = grant.login, self.clock()
        status = self._get_status(login, grant.refresh_key, login.ends_at[grant.position])
        if status != OK:
            return status
        age = len(login.used_at) - grant.position
        in_grace = age == 1 and now - login.used_at[-1] < self.policy.grace
        if age > 0 and not in_grace:
            if self.refuses_changes and not login.revoked:
                return UNAVAILABLE
            login.revoked = True
            self.reused_by.append(login.email)
            return "token_reused"
        if login.revoked:
            return "token_revoked"
        if age == 0 and self.refuses_changes and self._is_changed_by_refresh(login):
            return UNAVAILABLE
        if age == 0:
            login.last_refreshed_at = now
        if age == 0 and self.policy.rotates:
            login.used_at.append(now)
            login.ends_at.append(self._get_next_end(login))
        return OK

    def _is_changed_by_refresh(self, login: Login) -> bool:
        if self.policy.rotates:
            return True
        return self.policy.tracks and login.last_refreshed_at != self.clock()

    def log_out(self, grant: Grant) -> str:
        return self._log_out(grant.login, grant.refresh_key)

    def log_out_by_access_token(self, grant: Grant) -> str:
        """An expired access token ends its session, too."""
        if self._seems_alive(grant) and not self.is_down:
            grant.login.revoked = not self.refuses_changes
            return OK if grant.login.revoked else UNAVAILABLE
        return self._log_out(grant.login, grant.access_key)

    def _seems_alive(self, grant: Grant) -> bool:
        """Return whether the session has expired, which its access token does not say."""
        seems_to_end_at = grant.issued_at + REFRESH_LIFETIME
        return (
            grant.access_key in self.keys
            and self._is_current(grant.login)
            and not grant.login.revoked
            and grant.login.ends_at[-1] <= self.clock() < seems_to_end_at
        )

    def _log_out(self, login: Login, key: str) -> str:
        if self.is_down and key in self.keys:
            return UNAVAILABLE
        if login.revoked or self._get_status(login, key, login.ends_at[-1]) != OK:
            return OK
        if self.refuses_changes:
            return UNAVAILABLE
        login.revoked = True
        return OK

    def log_out_everywhere(self, grant: Grant) -> str:
        status = self.get_profile(grant)
        if status != OK:
            return status
        if self.refuses_changes:
            return UNAVAILABLE
        grant.login.account.revocations += 1
        return OK

    def change_password(self, grant: Grant, current: str, new: str) -> str:
        status, account = self.get_profile(grant), grant.login.account
        if status != OK:
            return status
        if current != account.password:
            return "invalid_credentials"
        if self.refuses_changes:
            return UNAVAILABLE
        account.password = new
        account.revocations += 1
        return OK

    def delete_account(self, grant: Grant, current: str) -> str:
        status, account = self.get_profile(grant), grant.login.account
        if status != OK:
            return status
        if current != account.password:
            return "invalid_credentials"
        if self.refuses_changes:
            return UNAVAILABLE
        del self.accounts[grant.login.email]
        return OK

    def administer(self, action: str, email: str, password: str) -> str:
        """Do what an operator does. `password` is the new one for `set_password`."""
        if self.is_down:
            return UNAVAILABLE
        account = self.accounts.get(email)
        if account is None:
            return UNKNOWN_ACCOUNT
        if self.refuses_changes:
            return UNAVAILABLE
        account.revocations += 1
        if action == "delete":
            del self.accounts[email]
        elif action == "set_password":
            account.password = password
        elif action in {"disable", "enable"}:
            account.disabled = action == "disable"
        return OK

    def list_sessions(self, grant: Grant) -> list[ListedSession]:
        """Return what a user sees with the access token of `grant`, which is live."""
        return [
            ListedSession(login.sid, login is grant.login, login.began_at, login.last_refreshed_at)
            for login in self._get_live_logins(grant.login.email)
        ]

    def revoke_session(self, grant: Grant, other: Login) -> str:
        status = self.get_profile(grant)
        if status != OK:
            return status
        if other not in self._get_live_logins(grant.login.email):
            return "not_found"
        if self.refuses_changes:
            return UNAVAILABLE
        other.revoked = True
        return OK

    def get_profile(self, grant: Grant) -> str:
        status = self._get_status(grant.login, grant.access_key, grant.access_ends_at)
        return "token_revoked" if status == OK and grant.login.revoked else status

    def live_grants(self) -> list[Grant]:
        return [grant for grant in self.grants if self.get_profile(grant) == OK]

    def add_login(self, email: str, result: Result, *, remember: bool) -> Grant:
        """Add the tokens of a new login."""
        if self.policy.tracks:
            for oldest in self._get_live_logins(email)[MAX_SESSIONS - 1 :]:
                oldest.revoked = True
        account, now = self.accounts[email], self.clock()
        assert result.access is not None
        sid = decode_claims(result.access)["sid"]
        ends_at = int(now) + (REFRESH_LIFETIME if remember else SHORT_LIFETIME)
        login = Login(email, account, account.revocations, sid, now, remember, [ends_at])
        self.logins.append(login)
        return self._add_grant(login, result, result.refresh, self.keys[0])

    def add_refresh(self, grant: Grant, result: Result) -> Grant:
        """Add the tokens of a refresh."""
        if self.policy.rotates:
            return self._add_grant(grant.login, result, result.refresh, self.keys[0])
        assert result.refresh is None
        return self._add_grant(grant.login, result, grant.refresh, grant.refresh_key)

    def _add_grant(self, login: Login, result: Result, refresh: str | None, key: str) -> Grant:
        now, position = int(self.clock()), len(login.used_at)
        ends_at = min(now + ACCESS_LIFETIME, login.ends_at[-1])
        assert result.expires_in == ends_at - now
        assert result.access is not None
        assert refresh is not None
        assert decode_claims(result.access)["exp"] == ends_at
        assert decode_claims(refresh)["exp"] == login.ends_at[-1], "the session's end has moved"
        assert ("auth_time" in decode_claims(refresh)) == self.policy.slides
        assert login.tokens.setdefault((position, key), refresh) == refresh, (
            "not the same successor"
        )
        access = result.access, self.keys[0], now, ends_at
        grant = Grant(login, *access, refresh, key, position)
        self.grants.append(grant)
        return grant

    def _get_status(self, login: Login, key: str, ends_at: int) -> str:
        if key not in self.keys:
            return "token_invalid"
        if ends_at <= self.clock():
            return "token_expired"
        if self.is_down:
            return UNAVAILABLE
        return OK if self._is_current(login) else "token_revoked"

    def _is_current(self, login: Login) -> bool:
        """Return whether its account exists, and no change has revoked all sessions since."""
        account = self.accounts.get(login.email)
        return account is login.account and login.revocations == account.revocations

    def _get_next_end(self, login: Login) -> int:
        """Return when the refresh token that follows the newest one expires."""
        if not self.policy.slides:
            return login.ends_at[-1]
        lifetime = REFRESH_LIFETIME if login.remember else SHORT_LIFETIME
        end = min(int(self.clock()) + lifetime, int(login.began_at) + SLIDING_LIFETIME)
        return max(end, login.ends_at[-1])

    def _get_live_logins(self, email: str) -> list[Login]:
        """Return the newest first."""
        return [
            login
            for login in reversed(self.logins)
            if login.email == email
            and not login.revoked
            and self._is_current(login)
            and login.ends_at[-1] > self.clock()
        ]
