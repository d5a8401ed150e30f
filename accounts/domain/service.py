"""The use cases. They know no HTTP and no Django."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from secrets import token_hex
from typing import Any

from accounts.domain.claims import NO_EXTRA, Claims, RefreshClaims, dump_extra
from accounts.domain.errors import (
    AccountError,
    InvalidCredentials,
    TokenError,
    TokenReused,
    TokenRevoked,
    WrongCurrentPassword,
)
from accounts.domain.events import Event
from accounts.domain.interfaces import (
    AccountStore,
    Clock,
    EventHandler,
    NormalizedPassword,
    PasswordHasher,
    SubmittedPassword,
    TokenIssuer,
    UserAndSession,
)
from accounts.domain.sessions import (
    Session,
    add_session,
    get_live_sessions,
    revoke_listed_session,
    use_refresh_token,
)
from accounts.domain.users import (
    NO_PROFILE,
    EmailAddress,
    User,
    dump_profile,
    new_security_stamp,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPolicy:
    """How long tokens are valid and whether refresh tokens rotate. All times are in seconds."""

    access_lifetime: int
    refresh_lifetime: int
    short_refresh_lifetime: int
    """The same for a login that is not to be remembered; never longer."""
    rotate: bool
    reuse_grace: float
    sliding_lifetime: int | None = None
    """With rotation: how long after its login a session may last if it is used. `None` is off."""
    track_sessions: bool = False
    """Whether a login is recorded, so that its user can list and end the session."""

    def get_token_end(self, now: float, *, remember: bool) -> int:
        """Return when a refresh token expires that a login gets now."""
        return int(now) + (self.refresh_lifetime if remember else self.short_refresh_lifetime)

    def get_successor_end(self, claims: RefreshClaims, now: float) -> int:
        """Return when the next refresh token of a session expires.

        Only the sessions of logins while `sliding_lifetime` was set slide.
        """
        if claims.auth_time is None or self.sliding_lifetime is None:
            return claims.expires_at
        end = self.get_token_end(now, remember=claims.remember)
        return max(claims.expires_at, min(end, claims.auth_time + self.sliding_lifetime))


@dataclass(frozen=True, slots=True)
class TokenPair:
    """A login's or refresh's tokens. `expires_in`, in seconds, is the access token's (RFC 6749).

    `refresh_token` is `None` after a refresh without rotation: the client keeps its own.
    `refresh_expires_in` is when that one expires, and the session with it. `remember` is what the
    login asked for.
    """

    access_token: str
    expires_in: int
    refresh_token: str | None
    refresh_expires_in: int
    remember: bool


@dataclass(kw_only=True, eq=False)
class AccountService:
    """Threads may share it. Every method may raise `ServiceUnavailable`."""

    store: AccountStore
    hasher: PasswordHasher
    tokens: TokenIssuer
    policy: TokenPolicy
    clock: Clock
    emit: EventHandler
    get_extra_claims: Callable[[User], Mapping[str, Any]] | None = None
    """A project's function: the claims that it adds to a user's access tokens."""

    def register(
        self,
        email: EmailAddress,
        password: NormalizedPassword,
        profile: Mapping[str, Any] | None = None,
    ) -> User:
        """Add an account. Raises `DuplicateEmail` or `ProfileTooLarge`."""
        profile_json = dump_profile(profile) if profile else NO_PROFILE
        user = User(
            email,
            self.hasher.hash(password),
            new_security_stamp(),
            self.clock(),
            profile_json=profile_json,
        )
        self.store.add_user(user)
        self.emit(Event.USER_CREATED, email)
        return user

    def login(
        self,
        email: EmailAddress,
        password: SubmittedPassword | None,
        *,
        remember: bool = True,
        client: str | None = None,
    ) -> TokenPair:
        """Check a password and start a session. Raises `InvalidCredentials`.

        The session is short without `remember`. `client` is what a list of sessions shows: the
        result of `clean_client`.
        """
        user = self.authenticate(email, password)
        return self.start_session(user, remember=remember, client=client)

    def authenticate(self, email: EmailAddress, password: SubmittedPassword | None) -> User:
        """Return the user with this password. Raises `InvalidCredentials`.

        An unknown or disabled user takes as long as a wrong password.
        """
        user = self.store.get_user(email)
        # A disabled user is like an unknown one, also in time: the own hash may be cheaper.
        password_hash = None if user is None or user.disabled else user.password_hash
        matches = self.hasher.verify(password, password_hash, account=email)
        if user is None or user.disabled or password is None or not matches:
            self.emit(Event.LOGIN_FAIL, email)
            raise InvalidCredentials
        if self.hasher.must_update(user.password_hash):
            self._upgrade_hash(user, password.normalized)
        self.emit(Event.LOGIN_SUCCESS, email)
        return user

    def start_session(
        self, user: User, *, remember: bool = True, client: str | None = None
    ) -> TokenPair:
        """Return the first tokens of a new session. Writes nothing, unless sessions are tracked."""
        now = self.clock()
        claims = RefreshClaims(
            email=user.email,
            security_stamp=user.security_stamp,
            sid=token_hex(16),
            jti=token_hex(16),
            issued_at=int(now),
            expires_at=self.policy.get_token_end(now, remember=remember),
            remember=remember,
            rotation_count=0,
            auth_time=None if self.policy.sliding_lifetime is None else int(now),
        )
        extra_json = self._build_extra(user)
        if self.policy.track_sessions:
            tracked = replace(
                _new_session(claims),
                created_at=now,
                client=client,
                security_stamp=claims.security_stamp,
            )
            self._track_session(claims.email, tracked)
        return self._issue_tokens(claims, self.tokens.issue(claims), extra_json)

    def list_sessions(self, claims: Claims) -> list[Session]:
        """Return the tracked sessions of the token's user, the newest login first."""
        return get_live_sessions(self.store.get_sessions(claims.email), claims.security_stamp)

    def revoke_session(self, claims: Claims, sid: str) -> None:
        """Revoke a tracked session of the token's user. Raises `UnknownSession`."""
        self.store.update_session(
            claims.email, sid, lambda session: revoke_listed_session(session, claims.security_stamp)
        )
        self.emit(Event.TOKEN_REVOKED, claims.email)

    def get_user_for_claims(self, claims: Claims, prefetched: UserAndSession | None = None) -> User:
        """Return the user of a verified token. Raises `TokenRevoked`.

        Reads the store once, or not at all if its result was `prefetched`.
        """
        user, session = prefetched or self.store.get_user_and_session(claims.email, claims.sid)
        if session is not None and session.revoked:
            raise TokenRevoked
        return _require_current_user(user, claims)

    def refresh(self, token: str) -> TokenPair:
        """Exchange a refresh token for new tokens. Raises `TokenError`.

        A stolen token revokes its session. Without rotation nothing else is written.
        """
        claims = self.tokens.verify_refresh(token)
        user, stored = self.store.get_user_and_session(claims.email, claims.sid)
        # Before the rotation: a project's function that raises must not use the token up.
        extra_json = self._build_extra(_require_current_user(user, claims))
        session = self._use_refresh_token(claims, stored or _new_session(claims))
        if session.revoked:
            self.emit(Event.TOKEN_REUSE, claims.email)
            raise TokenReused
        if not self.policy.rotate:
            return self._issue_tokens(claims, None, extra_json)
        successor = _build_successor(claims, session)
        return self._issue_tokens(successor, self.tokens.issue(successor), extra_json)

    def logout(self, token: str) -> bool:
        """Revoke the session of a token of either type, used or expired. Ignore other strings.

        Returns whether a session has ended by it.
        """
        try:
            claims = self.tokens.verify_for_revocation(token)
            identity = self.store.get_user_and_session(claims.email, claims.sid)
            # A stored session may end later than the token says, which may be an earlier one.
            session = identity[1] or Session(claims.sid, self._get_session_end(claims))
            if session.expires_at <= self.clock():
                return False
            self.get_user_for_claims(claims, identity)
        except TokenError:
            # RFC 7009 §2.2: the token is invalid already, which is what the client wants.
            return False
        self.store.update_session(
            claims.email,
            claims.sid,
            lambda stored: replace(stored or session, revoked=True),
        )
        self.emit(Event.TOKEN_REVOKED, claims.email)
        return True

    def logout_all(self, claims: Claims) -> None:
        """Revoke every session of the token's user. Raises `TokenRevoked`."""
        with _revoked_if_deleted():
            self.store.update_user(
                claims.email,
                lambda user: replace(
                    _require_current_user(user, claims), security_stamp=new_security_stamp()
                ),
            )
        self.emit(Event.TOKEN_REVOKED, claims.email)

    def change_password(
        self,
        claims: Claims,
        current: SubmittedPassword | None,
        new: NormalizedPassword,
        *,
        client: str | None = None,
    ) -> TokenPair:
        """Replace the password, revoke every session and start a new one.

        Raises `WrongCurrentPassword` or `TokenRevoked`.
        """
        self._require_current_password(claims, current)
        password_hash = self.hasher.hash(new)
        with _revoked_if_deleted():
            changed = self.store.update_user(
                claims.email,
                lambda user: replace(
                    _require_current_user(user, claims),
                    password_hash=password_hash,
                    security_stamp=new_security_stamp(),
                ),
            )
        self.emit(Event.PASSWORD_CHANGE, claims.email)
        return self.start_session(changed, remember=claims.remember, client=client)

    def update_profile(self, claims: Claims, changes: Mapping[str, Any]) -> User:
        """Add or replace fields of the user's profile; concurrent changes keep each other's.

        Raises `ProfileTooLarge` or `TokenRevoked`.
        """
        with _revoked_if_deleted():
            user = self.store.update_user(
                claims.email,
                lambda user: _require_current_user(user, claims).with_profile(changes),
            )
        self.emit(Event.USER_UPDATED, claims.email)
        return user

    def delete_account(self, claims: Claims, current: SubmittedPassword | None) -> None:
        """Delete the token's user. Raises `WrongCurrentPassword` or `TokenRevoked`."""
        self._require_current_password(claims, current)
        with _revoked_if_deleted():
            self.store.delete_user(claims.email, lambda user: _require_current_user(user, claims))
        self.emit(Event.USER_DELETED, claims.email)

    def _track_session(self, email: EmailAddress, new: Session) -> None:
        # After the password check. Before, it would take longer for accounts with sessions.
        stored = self.store.update_sessions(email, lambda sessions: add_session(sessions, new))
        for session in stored:
            if session.revoked and session.security_stamp == new.security_stamp:
                self.emit(Event.TOKEN_REVOKED, email)

    def _require_current_password(self, claims: Claims, password: SubmittedPassword | None) -> None:
        user = _require_current_user(self.store.get_user(claims.email), claims)
        if not self.hasher.verify(password, user.password_hash, account=user.email):
            raise WrongCurrentPassword

    def _get_session_end(self, claims: Claims) -> int:
        """Return when a session ends that is not stored, and so was never rotated.

        For an access token, it is the latest possible time.
        """
        if isinstance(claims, RefreshClaims):
            return claims.expires_at
        return claims.issued_at + self.policy.refresh_lifetime

    def _upgrade_hash(self, user: User, password: NormalizedPassword) -> None:
        def replace_hash(stored: User) -> User:
            if stored.password_hash != user.password_hash:
                return stored  # The password was changed meanwhile: keep the new one's hash.
            return replace(stored, password_hash=upgraded)

        # The login has succeeded already: an upgrade that fails is tried again at the next one.
        with suppress(AccountError, KeyError):
            upgraded = self.hasher.hash(password)
            self.store.update_user(user.email, replace_hash)

    def _use_refresh_token(self, claims: RefreshClaims, session: Session) -> Session:
        now = self.clock()

        def use(session: Session | None) -> Session:
            return use_refresh_token(
                session or _new_session(claims),
                claims.rotation_count,
                now,
                rotate=self.policy.rotate,
                grace=self.policy.reuse_grace,
                expires_at=self.policy.get_successor_end(claims, now),
            )

        if use(session) == session:
            return session
        return self.store.update_session(claims.email, claims.sid, use)

    def _build_extra(self, user: User) -> str:
        if self.get_extra_claims is None:
            return NO_EXTRA
        return dump_extra(self.get_extra_claims(user))

    def _issue_tokens(
        self, claims: RefreshClaims, refresh_token: str | None, extra_json: str
    ) -> TokenPair:
        now = int(self.clock())
        access = Claims(
            email=claims.email,
            security_stamp=claims.security_stamp,
            sid=claims.sid,
            jti=token_hex(16),
            issued_at=now,
            # No token outlives its session, so a revoked session can be deleted when it expires.
            expires_at=min(now + self.policy.access_lifetime, claims.expires_at),
            remember=claims.remember,
            extra_json=extra_json,
        )
        self.emit(Event.TOKEN_CREATED, claims.email)
        return TokenPair(
            access_token=self.tokens.issue(access),
            expires_in=access.expires_at - now,
            refresh_token=refresh_token,
            refresh_expires_in=claims.expires_at - now,
            remember=claims.remember,
        )


def _new_session(claims: RefreshClaims) -> Session:
    return Session(claims.sid, claims.expires_at)


def _build_successor(claims: RefreshClaims, session: Session) -> RefreshClaims:
    # Derived from the session, not stored: a retry gets the same token, byte for byte.
    identity = f"{session.sid} {session.rotation_count} {session.rotated_at}"
    return replace(
        claims,
        jti=sha256(identity.encode()).hexdigest()[:32],
        issued_at=int(session.rotated_at),
        expires_at=session.expires_at,
        rotation_count=session.rotation_count,
    )


@contextmanager
def _revoked_if_deleted() -> Iterator[None]:
    """Turn a store's `KeyError` into `TokenRevoked`: the user was deleted meanwhile."""
    try:
        yield
    except KeyError:
        raise TokenRevoked from None


def _require_current_user(user: User | None, claims: Claims) -> User:
    if user is None or user.security_stamp != claims.security_stamp:
        raise TokenRevoked
    return user
