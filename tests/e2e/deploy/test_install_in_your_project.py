"""docs/guides/install-in-your-project.md in new projects, of Django 5.2 and 6.

Their code is the guide's. `PROBE` and `SETTINGS` add what only the tests need.
"""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.cookies import SimpleCookie
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import pytest

from tests.support.doc_sessions import read_session, run_session
from tests.support.guides import insert, read_code_blocks
from tests.support.ports import free_port
from tests.support.processes import Service, ServiceResponse, run_process
from tests.support.pythons import find_python, lock, make_venv, run
from tests.support.valkey import wait_until

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")

GUIDE = "install-in-your-project.md"
DJANGO = {"5.2": "django>=5.2,<6", "6": "django>=6,<7"}
NEWEST = "6" if sys.version_info >= (3, 12) else "5.2"
"""What pip installs for this Python."""

RATE = 40
SETTINGS = f"""
INSTALLED_APPS += ["shop.accounts"]
DATABASES = {{"default": {{**DATABASES["default"], "ATOMIC_REQUESTS": True}}}}
ACCOUNTS["BCRYPT_ROUNDS"] = 4
REST_FRAMEWORK["DEFAULT_AUTHENTICATION_CLASSES"] += [
    "rest_framework.authentication.SessionAuthentication"
]
REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] = {{"user": "{RATE}/day"}}
REST_FRAMEWORK["PAGE_SIZE"] = 2
"""
PROBE = """
import os
from django.http import HttpResponse, JsonResponse
from notes.models import Note
from rest_framework.decorators import api_view, permission_classes
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import AllowAny


def count_connections(request):
    Note.objects.exists()
    links = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
    return JsonResponse([os.readlink(link) for link in links if os.path.exists(link)], safe=False)


@api_view(["POST"])
@permission_classes([AllowAny])
def write_and_fail(request):
    Note.objects.create(owner=request.data["owner"], text="to be rolled back")
    raise ValidationError("no")


urlpatterns += [
    path("health", lambda request: HttpResponse()),
    path("connections", count_connections),
    path("write-and-fail", write_and_fail),
]
"""
WSGI_SERVER = '''
"""Serves the project with threads that last, as gunicorn's do."""

import sys
from concurrent.futures import ThreadPoolExecutor
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server

from shop.wsgi import application


class PoolServer(ThreadingMixIn, WSGIServer):
    pool = ThreadPoolExecutor(4)

    def process_request(self, request, client_address):
        self.pool.submit(self.process_request_thread, request, client_address)


make_server("127.0.0.1", int(sys.argv[1]), application, PoolServer).serve_forever()
'''
SERVERS = {
    "runserver": ("manage.py", "runserver", "--noreload", "{port}"),
    "wsgi": ("wsgi_server.py", "{port}"),
}
ADMIN = {
    "DJANGO_SUPERUSER_USERNAME": "root",
    "DJANGO_SUPERUSER_PASSWORD": "the admin's password",
    "DJANGO_SUPERUSER_EMAIL": "root@example.com",
}

Session = list[tuple[str, str]]


class Site(NamedTuple):
    folder: Path
    service: Service
    session: Session
    """The commands of the guide, with what they have printed."""

    def log_in(self, email: str) -> dict[str, str]:
        """Return the headers of a new user."""
        self.service.register(email)
        return {"Authorization": f"Bearer {self.service.login(email).json()['access_token']}"}

    def get_notes(self, headers: dict[str, str], query: str = "") -> ServiceResponse:
        return self.service.request("GET", f"/api/v1/notes/{query}", **headers)


class Project(NamedTuple):
    """A new project with the code of the guide and a database; nothing runs it yet."""

    python: Path
    folder: Path

    def manage(self, *command: str, **environment: str) -> str:
        variables = [f"{name}={value}" for name, value in environment.items()]
        done = run("env", *variables, str(self.python), "manage.py", *command, cwd=self.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def serve(self, server: str, folder: Path, settings: str = "") -> Iterator[Service]:
        """Serve a copy in `folder`, which must not log a traceback."""
        shutil.copytree(self.folder, folder)
        insert(folder / "shop/settings.py", settings)
        port, log = free_port(), folder / "log"
        command = [str(self.python), *(part.format(port=port) for part in SERVERS[server])]
        with run_process(command, port=port, log=log, folder=folder, environment={}) as service:
            yield service
        assert "Traceback" not in log.read_text()


def make_project(request: pytest.FixtureRequest, django: str) -> Project:
    """Make a project with a version of Django, unless another process of this test run has."""
    shared: Path = request.getfixturevalue("shared_folder")
    programs = find_programs(request, django)
    project = Project(programs / "python", shared / f"project-{django}")
    with lock(project.folder) as is_first:
        if is_first:
            project.folder.mkdir()
            django_admin = str(programs / "django-admin")
            started = run(django_admin, "startproject", "shop", ".", cwd=project.folder)
            assert started.returncode == 0, started.stderr
            project.manage("startapp", "notes")
            write_code(project.folder)
            project.manage("makemigrations", "notes")
            project.manage("migrate")
            project.manage("createsuperuser", "--noinput", **ADMIN)
    return project


def find_programs(request: pytest.FixtureRequest, django: str) -> Path:
    """Return the programs of a virtual environment with the wheel and a version of Django."""
    if django == NEWEST:
        return Path(request.getfixturevalue("wheel_programs"))
    python = find_python(12) if django == "6" else sys.executable
    if python is None:
        pytest.skip("Django 6 needs Python 3.12, which this machine does not have")
    folder: Path = request.getfixturevalue("shared_folder") / "other-django"
    return make_venv(folder, python, str(request.getfixturevalue("wheel")), DJANGO[django])


def write_code(folder: Path) -> None:
    settings, urls, models, views, more_settings, more_urls = read_code_blocks(GUIDE)
    insert(folder / "shop/settings.py", settings + more_settings + SETTINGS)
    insert(folder / "shop/urls.py", urls + more_urls + PROBE)
    (folder / "notes/models.py").write_text(models)
    (folder / "notes/views.py").write_text(views)
    (folder / "wsgi_server.py").write_text(WSGI_SERVER)
    (folder / "shop/accounts").mkdir()
    (folder / "shop/accounts/__init__.py").write_text("")


@pytest.fixture(
    scope="module",
    params=[("5.2", "runserver"), ("5.2", "wsgi"), ("6", "wsgi")],
    ids="-".join,
)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    django, server = request.param
    folder = tmp_path_factory.mktemp("site") / "copy"
    with make_project(request, django).serve(server, folder) as service:
        commands = [command for command, _ in read_session(f"docs/guides/{GUIDE}")]
        yield Site(folder, service, run_session(commands, service, folder))


def test_commands_of_the_guide_print_what_it_shows(site: Site) -> None:
    assert site.session == read_session(f"docs/guides/{GUIDE}")
    assert (site.folder / "accounts.jsonl").exists()


@pytest.mark.parametrize("django", DJANGO)
def test_project_needs_no_database_and_no_pages_of_drf(
    request: pytest.FixtureRequest, tmp_path: Path, django: str
) -> None:
    project = make_project(request, django)
    assert "no issues" in project.manage("check")
    settings = 'DATABASES = {}\nINSTALLED_APPS.remove("rest_framework")\n'
    with project.serve("runserver", tmp_path / "copy", settings) as service:
        service.register()
        assert service.profile(service.login().json()["access_token"]).status == 200


def test_users_have_their_own_pages_of_rows(site: Site) -> None:
    ada, bob = site.log_in("ada.rows@example.com"), site.log_in("bob.rows@example.com")
    for number in range(3):
        created = site.service.post("notes/", {"text": f"note {number}"}, **ada)
        assert created.status == 201
    first, second = site.get_notes(ada).json(), site.get_notes(ada, "?page=2").json()
    assert (first["count"], len(first["results"]), len(second["results"])) == (3, 2, 1)
    assert site.get_notes(bob).json()["count"] == 0
    foreign = site.service.request("DELETE", f"/api/v1/notes/{first['results'][0]['id']}/", **bob)
    assert (foreign.status, foreign.json()["code"]) == (404, "not_found")
    invalid = site.service.post("notes/", {}, **bob)
    assert (invalid.status, invalid.json()["errors"]["text"][0]["code"]) == (422, "required")


def test_rows_are_deleted_with_their_account(site: Site) -> None:
    eve = site.log_in("eve@example.com")
    site.service.post("notes/", {"text": "Not for others"}, **eve)
    assert site.get_notes(eve).json()["count"] == 1
    password = {"current_password": "correct horse battery"}
    assert site.service.post("auth/delete-account", password, **eve).status == 204
    assert site.get_notes(eve).json()["code"] == "token_revoked"
    assert site.get_notes(site.log_in("eve@example.com")).json()["count"] == 0


def test_throttle_counts_by_user(site: Site) -> None:
    mary = site.log_in("mary@example.com")
    statuses = [site.get_notes(mary).status for _ in range(RATE)]
    assert statuses == [200] * RATE
    refused = site.get_notes(mary)
    assert (refused.status, refused.json()["code"]) == (429, "throttled")
    assert int(refused.headers["Retry-After"]) > 0
    assert site.get_notes(site.log_in("joe@example.com")).status == 200


def test_error_rolls_the_transaction_back(site: Site) -> None:
    zoe = site.log_in("zoe@example.com")
    failed = site.service.request("POST", "/write-and-fail", {"owner": "zoe@example.com"})
    assert failed.status == 400
    assert site.get_notes(zoe).json()["count"] == 0


def test_database_connections_are_closed_after_each_request(site: Site) -> None:
    database = str(site.folder / "db.sqlite3")
    assert database in site.service.request("GET", "/connections").json()
    descriptors = Path(f"/proc/{site.service.process.pid}/fd")

    def is_closed() -> bool:
        # A descriptor that is closed meanwhile cannot be read.
        with suppress(FileNotFoundError):
            return database not in {str(link.readlink()) for link in descriptors.iterdir()}
        return False

    wait_until(is_closed)


def test_admin_and_sessions_are_the_projects_own(site: Site) -> None:
    login = site.service.request("GET", "/admin/login/")
    cookies = read_cookies(login)
    fields = {"username": "root", "password": ADMIN["DJANGO_SUPERUSER_PASSWORD"]}
    form = urlencode(fields | {"csrfmiddlewaretoken": cookies["csrftoken"]})
    logged_in = site.service.request(
        "POST",
        "/admin/login/",
        form,
        Cookie=f"csrftoken={cookies['csrftoken']}",
        **{"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert logged_in.status == 302
    cookie = {"Cookie": f"sessionid={read_cookies(logged_in)['sessionid']}"}
    assert site.service.request("GET", "/admin/", **cookie).status == 200
    page = site.get_notes(cookie | {"Accept": "text/html"})
    assert (page.status, page.headers.get_content_type()) == (200, "text/html")
    # The session's user is none of the app's, and the token's is none of the admin's.
    assert site.service.request("GET", "/api/v1/protected/profile", **cookie).status == 401
    assert site.service.request("GET", "/admin/", **site.log_in("ann@example.com")).status == 302


def read_cookies(response: ServiceResponse) -> dict[str, str]:
    lines = response.headers.get_all("Set-Cookie", [])
    return {name: morsel.value for name, morsel in SimpleCookie("; ".join(lines)).items()}
