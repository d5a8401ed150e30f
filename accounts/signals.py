"""Django signals, one for each security event, sent with `event` and `user` (the e-mail address).

An exception in a receiver is logged by Django; the request continues.
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
"""Sent with `change`: +1 when a hash is queued, -1 when a thread takes it."""

password_hashed = Signal()
"""Sent with `seconds`, the time that one hash took."""

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
    """Send `password_hash_queue_changed`: `HashingExecutor`'s `on_queue_change`."""
    password_hash_queue_changed.send_robust(sender=None, change=change)


def send_password_hashed(seconds: float) -> None:
    """Send `password_hashed`: `HashingExecutor`'s `on_hash_done`."""
    password_hashed.send_robust(sender=None, seconds=seconds)


def emit(event: Event, user: str) -> None:
    """Send an event's signal: the service's `EventHandler`."""
    SIGNALS_BY_EVENT[event].send_robust(sender=Event, event=event, user=user)
