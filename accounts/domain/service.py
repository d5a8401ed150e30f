"""The use cases. Every rule is here or in `sessions`; nothing here knows HTTP or Django."""

from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from secrets import token_hex

from accounts.domain.claims import Claims, RefreshClaims
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
    PasswordHasher,
    TokenIssuer,
    UserAndSession,
)
from accounts.domain.sessions import Session, rotate
from accounts.domain.users import EmailAddress, User, new_security_stamp


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPolicy:
    """How long tokens live and whether refresh tokens rotate. All times are in seconds."""

    access_lifetime: int
    refresh_lifetime: int
    rotate: bool
    reuse_grace: float


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a client is given. `expires_in` is the access token's, in seconds (RFC 6749 §5.1)."""

    access_token: str
    expires_in: int
    refresh_token: str | None


class AccountService:
    """Safe to share between threads. Every method may raise `ServiceUnavailable`."""

    def __init__(
        self,
        *,
        store: AccountStore,
        hasher: PasswordHasher,
        tokens: TokenIssuer,
        policy: TokenPolicy,
        clock: Clock,
        emit: EventHandler,
    ) -> None:
        self.store = store
        self._hasher = hasher
        self._tokens = tokens
        self._policy = policy
        self._clock = clock
        self._emit = emit

    def register(self, email: EmailAddress, password: str) -> User:
        """Add an account. Raises `DuplicateEmail` or a subclass of `InvalidPassword`."""
        user = User(email, self._hasher.hash(password), new_security_stamp(), self._clock())
        self.store.add_user(user)
        self._emit(Event.USER_CREATED, email)
        return user

    def authenticate(self, email: EmailAddress, password: str) -> User:
        """Check a password. Raises `InvalidCredentials`, after the same work either way."""
        user = self.store.get_user(email)
        matches = self._hasher.verify(password, user.password_hash if user else None)
        if user is None or not matches:
            self._emit(Event.LOGIN_FAIL, email)
            raise InvalidCredentials
        if self._hasher.must_update(user.password_hash):
            self._upgrade_hash(user, password)
        self._emit(Event.LOGIN_SUCCESS, email)
        return user

    def start_session(self, user: User) -> TokenPair:
        """Begin a session for a user who has just proved who they are. Writes nothing."""
        now = int(self._clock())
        first = RefreshClaims(
            email=user.email,
            security_stamp=user.security_stamp,
            sid=token_hex(16),
            jti=token_hex(16),
            issued_at=now,
            expires_at=now + self._policy.refresh_lifetime,
            rotation_count=0,
        )
        return self._grant(first, self._tokens.issue(first))

    def get_user_for_claims(self, claims: Claims, found: UserAndSession | None = None) -> User:
        """Resolve a verified token to its user, in one store call. Raises `TokenRevoked`.

        `found` is what the store has just answered, if it was asked already.
        """
        user, session = found or self.store.get_user_and_session(claims.email, claims.sid)
        if session is not None and session.revoked:
            raise TokenRevoked
        return _holder(user, claims)

    def refresh(self, token: str) -> TokenPair:
        """Exchange a refresh token. Raises `TokenError`; a stolen token ends its session."""
        claims = self._tokens.verify_refresh(token)
        user, session = self.store.get_user_and_session(claims.email, claims.sid)
        _holder(user, claims)
        spent = session is not None and claims.rotation_count < session.rotation_count
        if not self._policy.rotate and not spent:
            if session is not None and session.revoked:
                raise TokenRevoked
            return self._grant(claims, None)
        session = self._rotate(claims)
        return self._grant(
            claims, self._successor(claims, session) if self._policy.rotate else None
        )

    def logout(self, token: str) -> None:
        """End the session of a refresh token, spent or not; any other string is no error."""
        try:
            claims = self._tokens.verify_refresh(token)
            self.get_user_for_claims(claims)
        except TokenError:
            return  # RFC 7009 §2.2: the client's goal, a token that opens nothing, is reached.
        self.store.update_session(
            claims.email,
            claims.sid,
            lambda session: replace(session or _untouched(claims), revoked=True),
        )
        self._emit(Event.TOKEN_REVOKED, claims.email)

    def logout_all(self, claims: Claims) -> None:
        """End every session of the token's user. Raises `TokenRevoked`."""
        self.store.update_user(
            claims.email,
            lambda user: replace(_holder(user, claims), security_stamp=new_security_stamp()),
        )
        self._emit(Event.TOKEN_REVOKED, claims.email)

    def change_password(self, claims: Claims, current: str, new: str) -> TokenPair:
        """Replace the password, end every session and begin a new one.

        Raises `WrongCurrentPassword`, a subclass of `InvalidPassword`, or `TokenRevoked`.
        """
        user = _holder(self.store.get_user(claims.email), claims)
        if not self._hasher.verify(current, user.password_hash):
            raise WrongCurrentPassword
        password_hash = self._hasher.hash(new)
        changed = self.store.update_user(
            claims.email,
            lambda user: replace(
                _holder(user, claims),
                password_hash=password_hash,
                security_stamp=new_security_stamp(),
            ),
        )
        self._emit(Event.PASSWORD_CHANGE, claims.email)
        return self.start_session(changed)

    def _upgrade_hash(self, user: User, password: str) -> None:
        def change(stored: User) -> User:
            if stored.password_hash != user.password_hash:
                return stored  # The password was changed meanwhile: that hash stands.
            return replace(stored, password_hash=upgraded)

        # A courtesy: whatever stands in its way, the login itself has succeeded.
        with suppress(AccountError):
            upgraded = self._hasher.hash(password)
            self.store.update_user(user.email, change)

    def _rotate(self, claims: RefreshClaims) -> Session:
        now = self._clock()
        session = self.store.update_session(
            claims.email,
            claims.sid,
            lambda session: rotate(
                session or _untouched(claims), claims.rotation_count, now, self._policy.reuse_grace
            ),
        )
        if session.revoked:
            self._emit(Event.TOKEN_REUSE, claims.email)
            raise TokenReused
        return session

    def _successor(self, claims: RefreshClaims, session: Session) -> str:
        # Derived, not stored: the same session state signs the same token, byte for byte.
        identity = f"{session.sid} {session.rotation_count} {session.rotated_at}"
        return self._tokens.issue(
            replace(
                claims,
                jti=sha256(identity.encode()).hexdigest()[:32],
                issued_at=int(session.rotated_at),
                rotation_count=session.rotation_count,
            )
        )

    def _grant(self, session: RefreshClaims, refresh_token: str | None) -> TokenPair:
        now = int(self._clock())
        access = Claims(
            email=session.email,
            security_stamp=session.security_stamp,
            sid=session.sid,
            jti=token_hex(16),
            issued_at=now,
            # No token outlives its session, so an ended one can be forgotten when it expires.
            expires_at=min(now + self._policy.access_lifetime, session.expires_at),
        )
        self._emit(Event.TOKEN_CREATED, session.email)
        return TokenPair(self._tokens.issue(access), access.expires_at - now, refresh_token)


def _untouched(claims: Claims) -> Session:
    return Session(claims.sid, claims.expires_at)


def _holder(user: User | None, claims: Claims) -> User:
    if user is None or user.security_stamp != claims.security_stamp:
        raise TokenRevoked
    return user
