"""Logs each security event."""

import logging
from typing import Any

from django.dispatch import receiver

from accounts.domain.events import Event
from accounts.signals import security_event
from authproject.monitoring.formatters import log_fields

# As in OWASP's Logging Vocabulary Cheat Sheet; but what users do with their account is INFO.
EVENT_LEVELS = {Event.LOGIN_FAIL: logging.WARNING, Event.TOKEN_REUSE: logging.CRITICAL}

security_log = logging.getLogger("authproject.security")


@receiver(security_event)
def _log_security_event(event: Event, user: str, **kwargs: Any) -> None:
    level = EVENT_LEVELS.get(event, logging.INFO)
    fields = {"event": event.value, "user": user}
    log_fields(security_log, level, f"{event} {user}", fields)
