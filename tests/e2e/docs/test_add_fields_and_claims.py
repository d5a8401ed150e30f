"""Runs the code and the commands of docs/guides/add-fields-and-claims.md in a copy."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import PASSWORD
from tests.support.doc_sessions import parse_session, run_session
from tests.support.guides import copy_project, insert, read_code_blocks, read_page
from tests.support.http import decode_claims
from tests.support.processes import Service, run_python

GUIDE = "add-fields-and-claims.md"
LAST_KEY = '    "REJECT_COMMON_PASSWORDS": env.REJECT_COMMON_PASSWORDS,\n'


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service of a project with the guide's code, and a view that runs its block for `plan`."""
    folder = tmp_path_factory.mktemp("project")
    copy = copy_project(folder)
    people, keys, update, views = read_code_blocks(GUIDE)
    (copy / "people.py").write_text(people)
    insert(copy / "authproject/settings.py", keys, indent=4, after=LAST_KEY)
    update = update.replace('"ada@example.com"', "request.user.email")
    body = "".join(f"        {line}\n" for line in update.splitlines())
    upgrade = f"class UpgradeView(APIView):\n    def post(self, request):\n{body}"
    (copy / "views.py").write_text(f"{views}\n\n{upgrade}        return Response()\n")
    urls = copy / "authproject/urls.py"
    insert(urls, "import views", before="\nurlpatterns = [\n")
    for name in ("Greeting", "Upgrade"):
        route = f'path("api/v1/protected/{name}", views.{name}View.as_view()),'
        insert(urls, route, indent=4, after="urlpatterns = [\n")
    command = (str(copy / "manage.py"), "serve", "--port", "{port}")
    store = f"file://{folder}/accounts.jsonl"
    with run_python(folder, *command, STORE_URL=store) as service:
        yield service


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_commands_print_the_shown_output(service: Service, tmp_path: Path) -> None:
    session = parse_session(read_page(GUIDE))
    assert run_session([command for command, _ in session], service, tmp_path) == session
    assert "user_updated" in service.log


def test_claim_and_profile_are_available_to_views(service: Service, email: str) -> None:
    tokens = register(service, email)
    assert decode_claims(tokens["access_token"])["plan"] == "free"
    assert "plan" not in decode_claims(tokens["refresh_token"])
    assert send(service, "GET", "Greeting", tokens).status == 403


def test_change_by_code_reaches_the_next_token(service: Service, email: str) -> None:
    tokens = register(service, email)
    assert send(service, "POST", "Upgrade", tokens).status == 200
    assert send(service, "GET", "Greeting", tokens).status == 403
    refreshed = service.post("auth/refresh", {"refresh_token": tokens["refresh_token"]}).json()
    assert decode_claims(refreshed["access_token"])["plan"] == "pro"
    greeting = send(service, "GET", "Greeting", refreshed)
    assert greeting.json() == {"greeting": "Hello, Ada."}
    assert send(service, "GET", "profile", refreshed).json()["plan"] == "pro"


def register(service: Service, email: str) -> Any:
    """Return the tokens."""
    body = {"email": email, "password": PASSWORD, "display_name": "Ada"}
    assert service.post("auth/register", body).status == 201
    return service.login(email).json()


def send(service: Service, method: str, name: str, tokens: dict[str, Any]) -> Any:
    authorization = f"Bearer {tokens['access_token']}"
    return service.request(method, f"/api/v1/protected/{name}", Authorization=authorization)
