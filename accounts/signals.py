"""The service's Django signals. An exception in a receiver is logged, and the request continues."""

from django.dispatch import Signal

from accounts.domain.events import Event

security_event = Signal(use_caching=True)
"""Sent with `event`, an `Event`, and `user`, the e-mail address."""

password_hash_queue_changed = Signal()
"""Sent with `change`: +1 when a hash is queued, -1 when a thread takes it."""

password_hashed = Signal()
"""Sent with `seconds`, the time that one hash took."""


def send_hash_queue_changed(change: int) -> None:
    """Send `password_hash_queue_changed`: `HashingExecutor`'s `on_queue_change`."""
    password_hash_queue_changed.send_robust(sender=None, change=change)


def send_password_hashed(seconds: float) -> None:
    """Send `password_hashed`: `HashingExecutor`'s `on_hash_done`."""
    password_hashed.send_robust(sender=None, seconds=seconds)


def emit(event: Event, user: str) -> None:
    """Send `security_event`: the service's `EventHandler`."""
    security_event.send_robust(sender=Event, event=event, user=user)
