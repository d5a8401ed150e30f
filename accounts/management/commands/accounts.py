"""`manage.py accounts`: what an operator does with the accounts of `STORE_URL`."""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.domain.administration import AccountAdministration, UnknownAccount
from accounts.domain.errors import DuplicateEmail, InvalidEmail, InvalidField
from accounts.domain.interfaces import NormalizedPassword
from accounts.domain.users import EmailAddress, User, normalize_email
from accounts.management.configured_store import open_configured_store
from accounts.passwords.policy import PasswordPolicy
from accounts.services import Services, build_services_for

SOURCE = "asked for, or the first line of standard input"

CHANGES = {
    "create": (f"create an account; its password is {SOURCE}", "Created {}."),
    "set-password": (
        f"revoke all sessions, and set a new password, which is {SOURCE}",
        "Set the password of {} and revoked its sessions.",
    ),
    "revoke-sessions": ("revoke all sessions", "Revoked the sessions of {}."),
    "disable": ("refuse logins, and revoke all sessions", "Disabled {}."),
    "enable": ("accept logins again", "Enabled {}."),
    "delete": ("delete an account", "Deleted {}."),
}
"""Each action that changes an account, with its help and what it prints."""

ROW = "{:<16}  {:<8}  {}"
"""The e-mail address comes last, because its length is known only when its line is written."""


class Command(BaseCommand):
    help = "Look after the accounts of STORE_URL. Changes count at once, in a running service too."
    requires_system_checks = []  # They check the service, and an emergency cannot wait for it.

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        subparsers = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

        def add_action(name: str, text: str) -> argparse.ArgumentParser:
            return subparsers.add_parser(name, help=text, description=text)

        add_action("list", "list accounts, in no order").add_argument(
            "--search", metavar="TEXT", default="", help="only e-mail addresses that contain it"
        )
        add_action("show", "show an account").add_argument("email", metavar="EMAIL")
        for name, (text, _) in CHANGES.items():
            add_action(name, text).add_argument("email", metavar="EMAIL")
        subparsers.choices["delete"].add_argument("--yes", action="store_true", help="do not ask")
        for action in subparsers.choices.values():
            action.add_argument("--json", action="store_true", help="one JSON object a line")
        add_action("export", "write JSON lines with password hashes, for import_accounts")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with open_configured_store() as store:
                self._run(build_services_for(store, time.time), options)
            self.stdout.flush()
        except UnknownAccount as error:
            raise CommandError(f"{options['email']} has no account.") from error
        except InvalidField as error:
            raise CommandError(error.detail) from error
        except (KeyboardInterrupt, EOFError) as error:
            raise CommandError("Interrupted.") from error
        except BrokenPipeError:
            # The reader, such as `head`, has ended. As Python's note on SIGPIPE shows: the rest of
            # the buffer must not fail again at the exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)

    def _run(self, services: Services, options: Any) -> None:
        store, hasher = services.accounts.store, services.accounts.hasher
        admin = AccountAdministration(store=store, hasher=hasher, emit=services.accounts.emit)
        match options["action"]:
            case "list":
                self._write_users(admin.iter_accounts(options["search"]), options["json"])
            case "export":
                for user in admin.iter_accounts():
                    self.stdout.write(json.dumps(_build_seed(user)))
            case "show":
                user = _find(admin, options["email"])
                self._write_users([user], options["json"])
                if user.profile and not options["json"]:
                    self.stdout.write(json.dumps(user.profile, indent=2))
            case action:
                user = self._change(services, admin, action, options)
                if options["json"]:
                    self._write_users([user], as_json=True)
                else:
                    self.stdout.write(CHANGES[action][1].format(user.email))

    def _change(
        self, services: Services, admin: AccountAdministration, action: str, options: Any
    ) -> User:
        """Return the account as it is now, or as it was deleted."""
        policy = services.password_policy
        if action == "create":
            email = normalize_email(options["email"])
            if admin.store.get_user(email) is not None:
                raise DuplicateEmail  # before the password is asked for
            return services.accounts.register(email, _read_password(policy))
        user = _find(admin, options["email"])
        email = user.email
        match action:
            case "set-password":
                return admin.set_password(email, _read_password(policy))
            case "revoke-sessions":
                return admin.revoke_sessions(email)
            case "disable":
                return admin.disable(email)
            case "enable":
                return admin.enable(email)
        if not options["yes"]:
            self._confirm_deletion(email)
        admin.delete(email)
        return user

    def _confirm_deletion(self, email: EmailAddress) -> None:
        self.stderr.write(f"Type {email} to delete this account: ", ending="")
        self.stderr.flush()
        if sys.stdin.readline().strip() != email:
            raise CommandError("Nothing was deleted.")

    def _write_users(self, users: Iterable[User], as_json: bool) -> None:
        if not as_json:
            self.stdout.write(ROW.format("CREATED (UTC)", "STATUS", "E-MAIL"))
        for user in users:
            created = datetime.fromtimestamp(user.created_at, UTC)
            if as_json:
                fields: dict[str, Any] = {"email": user.email, "created_at": created.isoformat()}
                fields |= {"disabled": user.disabled} | _build_profile(user)
                self.stdout.write(json.dumps(fields))
            else:
                status = "disabled" if user.disabled else "enabled"
                self.stdout.write(ROW.format(f"{created:%Y-%m-%d %H:%M}", status, user.email))


def _find(admin: AccountAdministration, email: str) -> User:
    """Raises `UnknownAccount`."""
    try:
        return admin.get(normalize_email(email))
    except InvalidEmail:
        # An earlier version may have accepted it, and a look-alike must not escape the operator.
        return admin.get(EmailAddress(email))


def _read_password(policy: PasswordPolicy) -> NormalizedPassword:
    """Ask for a new password twice, or read it from what is piped in."""
    if not sys.stdin.isatty():
        return policy.validate(sys.stdin.readline().rstrip("\r\n"))
    password = getpass("New password: ")
    if getpass("New password (again): ") != password:
        raise CommandError("The two passwords differ.")
    return policy.validate(password)


def _build_seed(user: User) -> dict[str, Any]:
    """Return the account as a line of a seed file."""
    seed: dict[str, Any] = {"email": user.email, "password_hash": user.password_hash}
    if user.disabled:
        seed["disabled"] = True
    return seed | _build_profile(user)


def _build_profile(user: User) -> dict[str, Any]:
    return {"profile": user.profile} if user.profile else {}
