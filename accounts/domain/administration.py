"""What an operator does with accounts. No password or token of the user is needed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from accounts.domain.events import Event
from accounts.domain.interfaces import (
    AccountStore,
    EventHandler,
    NormalizedPassword,
    PasswordHasher,
)
from accounts.domain.users import EmailAddress, User, new_security_stamp


class UnknownAccount(LookupError):
    """No account has this e-mail address."""


@dataclass(kw_only=True, eq=False)
class AccountAdministration:
    """Every change counts at once, in a running service too. May raise `ServiceUnavailable`.

    Methods that take an `email` raise `UnknownAccount` if it has no account. A changed account is
    returned.
    """

    store: AccountStore
    hasher: PasswordHasher
    emit: EventHandler

    def iter_accounts(self, search: str = "") -> Iterator[User]:
        """Yield the accounts whose e-mail address contains `search`, in no order."""
        return (user for user in self.store.iter_users() if search.lower() in user.email)

    def get(self, email: EmailAddress) -> User:
        user = self.store.get_user(email)
        if user is None:
            raise UnknownAccount
        return user

    def set_password(self, email: EmailAddress, password: NormalizedPassword) -> User:
        """Replace the password and revoke every session."""
        self.get(email)  # saves the hash for an unknown account
        password_hash = self.hasher.hash(password)
        return self._update(email, Event.PASSWORD_CHANGE, password_hash=password_hash)

    def revoke_sessions(self, email: EmailAddress) -> User:
        """Revoke every session of the account."""
        return self._update(email, Event.TOKEN_REVOKED)

    def disable(self, email: EmailAddress) -> User:
        """Refuse logins and revoke every session."""
        return self._update(email, Event.USER_DISABLED, disabled=True)

    def enable(self, email: EmailAddress) -> User:
        """Accept logins again. Tokens from before stay revoked."""
        return self._update(email, Event.USER_ENABLED, disabled=False)

    def delete(self, email: EmailAddress) -> None:
        try:
            self.store.delete_user(email, lambda user: None)
        except KeyError:
            raise UnknownAccount from None
        self.emit(Event.USER_DELETED, email)

    def _update(self, email: EmailAddress, event: Event, **changes: Any) -> User:
        """Change fields, and revoke every session by a new security stamp."""
        changes["security_stamp"] = new_security_stamp()
        try:
            user = self.store.update_user(email, lambda user: replace(user, **changes))
        except KeyError:
            raise UnknownAccount from None
        self.emit(event, email)
        return user
