"""The commands of docs/operate/import-accounts.md, run as they are written."""

import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.support.django_hashes import POSTGRES
from tests.support.doc_sessions import parse_session, run_session
from tests.support.processes import PROCESS_ENVIRONMENT, ROOT, Service, run_service

PAGE = (ROOT / "docs" / "operate" / "import-accounts.md").read_text(encoding="utf-8")
SHOP = dedent("""
    import sys
    from django.conf import settings
    from django.core.management import execute_from_command_line

    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.sqlite3"}
    settings.configure(
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
        DATABASES={"default": database},
    )
    execute_from_command_line(sys.argv)
""")
USERS = dedent("""
    from django.contrib.auth.models import User
    User.objects.create_user("ada", "ada@example.com", "secret")
    User.objects.create_user("bob", "bob@example.com")
    User.objects.create_user("eve", "eve@example.com", "secret", is_active=False)
    User.objects.create_user("mary", "mary@example.com", "another battery")
""")

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
Session = list[tuple[str, str]]


def read_commands(heading: str) -> Session:
    """Return the commands of a section with their output."""
    return parse_session(PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0])


def read_section(heading: str) -> tuple[Session, Session]:
    """Return the commands of a section until its first login, and the others."""
    session = read_commands(heading)
    login = next(index for index, step in enumerate(session) if step[0].startswith("curl"))
    return session[:login], session[login:]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in which `python manage.py` is this project's."""
    (tmp_path / "manage.py").symlink_to(ROOT / "manage.py")
    return tmp_path


def make_shop(folder: Path) -> None:
    """Make a Django project with users."""
    shop = folder / "shop"
    shop.mkdir()
    (shop / "manage.py").write_text(SHOP)
    for command in (["migrate"], ["shell", "--command", USERS]):
        subprocess.run([sys.executable, "manage.py", *command], cwd=shop, check=True)


def run_steps(session: Session, folder: Path, service: Service | None = None) -> Session:
    """Run commands in one shell, with errors in the order of a terminal."""
    environment = {**PROCESS_ENVIRONMENT, "LOG_LEVEL": "ERROR", "PYTHONUNBUFFERED": "1"}
    commands = ["exec 2>&1", *(command for command, _ in session)]
    return run_session(commands, service, folder, **environment)[1:]


def log_in(service: Service, email: str, password: str) -> int:
    return service.post("auth/login", {"email": email, "password": password}).status


def test_users_of_django_log_in_with_a_file(folder: Path) -> None:
    make_shop(folder)
    before, after = read_section("From Django")
    assert run_steps(before, folder) == before
    with run_service(folder, STORE_URL=f"file://{folder}/accounts.jsonl") as service:
        assert run_steps(after, folder, service) == after
        # The hash is replaced by now.
        assert run_steps(after, folder, service) == after
        assert log_in(service, "mary@example.com", "another battery") == 200
        assert log_in(service, "eve@example.com", "secret") == 401
    assert '"password_hash":"bcrypt_sha256$' in (folder / "accounts.jsonl").read_text()


def test_users_of_supabase_log_in_with_a_server(folder: Path, valkey_url: str) -> None:
    # As psql writes it.
    rows = f"email,password_hash\ngrace@example.com,{POSTGRES}\nlinus@example.com,\n"
    (folder / "users.csv").write_text(rows)
    before, after = read_section("From Supabase")
    session = [
        (command.replace("valkey://127.0.0.1:6379/0", valkey_url), output)
        for command, output in [*before, *after]
    ]
    with run_service(folder, STORE_URL=valkey_url) as service:
        assert run_steps(session, folder, service) == session
        assert log_in(service, "grace@example.com", "secret") == 200
        assert log_in(service, "grace@example.com", "Secret") == 401
        afterwards = [(f"export STORE_URL={valkey_url}", ""), *read_commands("Afterwards")]
        assert run_steps(afterwards, folder, service) == afterwards
