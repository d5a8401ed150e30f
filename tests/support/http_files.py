"""Reads `.http` files as editors do, and sends their requests.

Of the format: `@variable = value` and `{{variable}}`; requests between lines of `###`, each with
comments (`# @name`, and `# → status code`, which is this project's own), a request line, headers
and a body. A later request uses a response in two ways: VS Code's
`{{name.response.body.$.field}}`, and JetBrains' script.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.support.processes import Service, ServiceResponse


class Request(NamedTuple):
    title: str
    name: str
    expected: str
    """Status and, of an error, its code."""
    method: str
    url: str
    headers: dict[str, str]
    body: str
    script: str

    @property
    def path(self) -> str:
        """With the name of a variable part as in OpenAPI."""
        path = self.url.removeprefix("{{host}}")
        return re.sub(r"\{\{\w+[^}]*[._](\w+)\}\}", r"{\1}", path)


def parse_variables(text: str) -> dict[str, str]:
    return dict(re.findall(r"^@(\w+) = (.*)$", text, re.MULTILINE))


def parse_requests(text: str) -> list[Request]:
    return [*map(_parse_request, re.split(r"^###\s*", text, flags=re.MULTILINE)[1:])]


def _parse_request(section: str) -> Request:
    title, _, rest = section.partition("\n")
    comments = "\n".join(line for line in rest.splitlines() if line.startswith("#"))
    lines = "\n".join(line for line in rest.splitlines() if not line.startswith("#"))
    lines, _, script = lines.partition("\n> {%")
    head, _, body = lines.strip().partition("\n\n")
    first, *headers = head.splitlines()
    method, url = first.split()
    name = re.search(r"@name (\w+)", comments)
    expected = re.search(r"→ (.+)", comments)
    return Request(
        title,
        name[1] if name else "",
        expected[1] if expected else "nothing expected",
        method,
        url,
        dict(header.split(": ", 1) for header in headers),
        body.strip(),
        script,
    )


def send_requests(text: str, service: Service) -> Iterator[tuple[str, str]]:
    """Send all requests in order. Yields each title with the response's status and error code."""
    variables: dict[str, Any] = {**parse_variables(text), "host": ""}
    for request in parse_requests(text):
        response = _send(request, variables, service)
        if request.name:
            prefix = f"{request.name}.response.body.$."
            variables |= {f"{prefix}{path}": value for path, value in _flatten(response.json())}
        values = dict(_flatten(response.json())) if request.script else {}
        for name, path in re.findall(r'set\("(\w+)", response\.body\.(.+)\);', request.script):
            variables[name] = values[path]
        yield request.title, _describe(response)


def _send(request: Request, variables: dict[str, Any], service: Service) -> ServiceResponse:
    def fill_in(text: str) -> str:
        return re.sub(r"\{\{(.+?)\}\}", lambda match: str(variables[match[1]]), text)

    headers = {name: fill_in(value) for name, value in request.headers.items()}
    return service.request(request.method, fill_in(request.url), fill_in(request.body), **headers)


def _flatten(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value of a response with its path, as `sessions[0].id`."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _flatten(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _flatten(item, f"{path}[{index}]")
    else:
        yield path, value


def _describe(response: ServiceResponse) -> str:
    if response.status < 400:
        return str(response.status)
    return f"{response.status} {json.loads(response.body)['code']}"
