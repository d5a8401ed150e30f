import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from pytest_django import Settings

from tests.support.ports import free_port

# Django 6.1 deprecates the settings EMAIL_..., which 5.2 needs.
pytestmark = pytest.mark.filterwarnings("ignore:.*MAILERS")

SMTP = "django.core.mail.backends.smtp.EmailBackend"


def test_sendtestemail_without_a_mail_server_is_one_sentence(settings: Settings) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_HOST = SMTP, "127.0.0.1"
    settings.EMAIL_PORT = free_port()
    with pytest.raises(CommandError, match=r"the service sends none: .* Connection refused"):
        call_command("sendtestemail", "ada@example.com")


def test_sendtestemail_with_other_settings_sends(mailoutbox: list[mail.EmailMessage]) -> None:
    call_command("sendtestemail", "ada@example.com")
    assert [message.to for message in mailoutbox] == [["ada@example.com"]]
