"""Django signals, one for each security event. Receivers get `user`, the e-mail address.

A receiver that fails is logged by Django and harms no request.
"""

from django.dispatch import Signal

from accounts.domain.events import Event

login_succeeded = Signal()
login_failed = Signal()
user_created = Signal()
token_created = Signal()
token_revoked = Signal()
token_reused = Signal()
password_changed = Signal()

password_hash_queue_changed = Signal()
"""Gives `change`: +1 when a hash begins to wait for a thread, -1 when it has one."""
password_hashed = Signal()
"""Gives `seconds`, the time that one hash took."""

SIGNALS_BY_EVENT = {
    Event.LOGIN_SUCCESS: login_succeeded,
    Event.LOGIN_FAIL: login_failed,
    Event.USER_CREATED: user_created,
    Event.TOKEN_CREATED: token_created,
    Event.TOKEN_REVOKED: token_revoked,
    Event.TOKEN_REUSE: token_reused,
    Event.PASSWORD_CHANGE: password_changed,
}


def send_hash_queue_changed(change: int) -> None:
    """Tell how many more hashes wait now. For `accounts.passwords.hasher.HashingExecutor`."""
    password_hash_queue_changed.send_robust(sender=None, change=change)


def send_password_hashed(seconds: float) -> None:
    """Tell how long a hash took. For `accounts.passwords.hasher.HashingExecutor`."""
    password_hashed.send_robust(sender=None, seconds=seconds)


def emit(event: Event, user: str) -> None:
    """Tell the receivers of an event. An `EventHandler`."""
    SIGNALS_BY_EVENT[event].send_robust(sender=Event, event=event, user=user)
