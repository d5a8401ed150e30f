"""The commands `manage.py` and `authproject`. What a command cannot do is one sentence.

`authproject` is installed by the wheel: `demo`, `serve`, and `manage` for Django's commands.
"""

import json
import os
import secrets
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from importlib.util import find_spec
from tempfile import NamedTemporaryFile

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

NO_DATABASE = "There is no database: {}."
STORE_HINT = "STORE_URL says where the accounts are"
COMMAND_HINTS = {
    "createsuperuser": "`manage.py accounts create EMAIL` creates an account, which has no role",
    "dumpdata": "`manage.py accounts export` writes the accounts",
    "loaddata": "`manage.py import_accounts FILE` adds accounts",
    "flush": "`manage.py accounts delete EMAIL` deletes an account",
}
"""What to do instead of a command that needs a database. Some of them would first ask or write."""
USAGE = """\
usage: authproject demo [--port 8000]     serve two new accounts from memory, to this machine only
       authproject serve [OPTIONS]        serve with the settings of the environment
       authproject manage COMMAND ...     a command of manage.py; `help` lists them"""
EXTRAS = {"granian": "server", "drf_spectacular": "docs", "drf_spectacular_sidecar": "docs"}
"""The extra of the wheel that brings a package, by its import name."""

DEMO_USERS = ("ada@example.com", "bob@example.com")


def main() -> None:
    try:
        match sys.argv[1:]:
            case ["demo", *options]:
                run_demo(options)
            case ["serve", *options]:
                run_django_command(["authproject", "serve", *options])
            case ["manage", *command]:
                run_django_command(["authproject", *command])
            case _:
                sys.exit(USAGE)
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        if package not in EXTRAS:
            raise
        sys.exit(f'{package} is not installed: pip install "authproject[{EXTRAS[package]}]"')


def run_django_command(arguments: Sequence[str]) -> None:
    """Run `manage.py` with these arguments, the first of which is the program's name."""
    # The wheel without its extras cannot import it.
    from authproject.server.startup import exit_with_error  # noqa: PLC0415  # as said above

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "authproject.settings")
    command = "".join(arguments[1:2])
    try:
        # Loads the settings. Otherwise some commands start without them or print a traceback.
        settings.INSTALLED_APPS  # noqa: B018  # reading it loads them
    except ImproperlyConfigured as error:
        exit_with_error(error, check_files=command in {"serve", "runserver"})
    if command in COMMAND_HINTS and settings.DATABASES["default"]["ENGINE"].endswith(".dummy"):
        sys.exit(NO_DATABASE.format(COMMAND_HINTS[command]))
    try:
        execute_from_command_line(list(arguments))
    except ImproperlyConfigured as error:
        # Django's dummy engine refuses each command that needs a database.
        sys.exit(NO_DATABASE.format(STORE_HINT) if "ENGINE" in str(error) else str(error))


def run_demo(options: Sequence[str]) -> None:
    """Serve two accounts from memory, with a new secret and new passwords, which it prints."""
    parser = ArgumentParser("authproject demo")
    parser.add_argument("--port", default="8000")
    port = parser.parse_args(options).port
    users = [{"email": email, "password": secrets.token_urlsafe(12)} for email in DEMO_USERS]
    with NamedTemporaryFile("w", suffix=".jsonl") as seeds:
        seeds.write("\n".join(map(json.dumps, users)))
        seeds.flush()
        os.environ |= {
            "ENVIRONMENT": "development",
            "JWT_SECRET_KEY": secrets.token_urlsafe(48),
            "STORE_URL": "memory://",
            "SEED_USERS_FILE": seeds.name,
        }
        if find_spec("drf_spectacular") is None:
            os.environ["API_DOCS"] = "false"
        for user in users:
            sys.stdout.write(f"{user['email']}  password: {user['password']}\n")
        sys.stdout.flush()
        run_django_command(["authproject", *build_server_command(port)])


def build_server_command(port: str) -> list[str]:
    """Return the command of Django that serves; the development server if Granian is missing."""
    if find_spec("granian"):
        return ["serve", "--host", "localhost", "--port", port]
    return ["runserver", "--noreload", f"localhost:{port}"]
