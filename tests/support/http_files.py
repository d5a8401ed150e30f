"""Reads `.http` files as editors do, and sends their requests.

Of the format: `@variable = value` and `{{variable}}`; requests between lines of `###`, each with
comments (`# @name`, and `# → status code`, which is this project's own), a request line, headers
and a body; two ways to use an answer, VS Code's `{{name.response.body.$.field}}` and JetBrains'
script.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.support.processes import Answer, Service


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
        return self.url.removeprefix("{{host}}")


def variables(text: str) -> dict[str, str]:
    return dict(re.findall(r"^@(\w+) = (.*)$", text, re.MULTILINE))


def requests(text: str) -> list[Request]:
    return [*map(_request, re.split(r"^###\s*", text, flags=re.MULTILINE)[1:])]


def _request(section: str) -> Request:
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


def outcomes(text: str, service: Service) -> Iterator[tuple[str, str]]:
    """Send every request in its order; yield its title, and the status and code of its answer."""
    known = {**variables(text), "host": ""}
    for request in requests(text):
        answer = _send(request, known, service)
        if request.name:
            fields = {f"{request.name}.response.body.$.{k}": v for k, v in answer.json().items()}
            known |= fields
        for name, field in re.findall(r'set\("(\w+)", response\.body\.(\w+)\)', request.script):
            known[name] = answer.json()[field]
        yield request.title, _outcome(answer)


def _send(request: Request, known: dict[str, Any], service: Service) -> Answer:
    def filled(text: str) -> str:
        return re.sub(r"\{\{(.+?)\}\}", lambda found: str(known[found[1]]), text)

    headers = {name: filled(value) for name, value in request.headers.items()}
    return service.request(request.method, filled(request.url), filled(request.body), **headers)


def _outcome(answer: Answer) -> str:
    if answer.status < 400:
        return str(answer.status)
    return f"{answer.status} {json.loads(answer.body)['code']}"
