"""What the documents name in backticks exists: files, modules, classes' members, commands."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from pkgutil import resolve_name

import pytest
from django.core.management import get_commands

from tests.support.processes import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES_ABOUT_CODE = [
    ROOT / "docs" / "architecture.md",
    ROOT / "docs" / "request-flow.md",
    *sorted((ROOT / "docs" / "guides").glob("*.md")),
]
PACKAGES = ("accounts", "authproject", "bench", "tests")
FOLDERS = (*PACKAGES, "deploy", "docs", ".ci", ".github")
"""A path that begins with one of them is a path of this repository."""
SUFFIXES = {".conf", ".html", ".http", ".js", ".md", ".py", ".service", ".ts", ".yaml", ".yml"}
NOT_HERE = {
    "notes.py",  # the reader's own view, in add-an-endpoint.md
    "people.py",  # the reader's own serializer, in add-fields-and-claims.md
    "tests/test_notes.py",
    "accounts/stores/sqlite.py",  # the reader's own store, in add-a-store.md
    "api.ts",  # what openapi-typescript writes, in generate-a-client.md
    "models.py",  # architecture.md: there is none
    "shop/settings.py",  # the reader's own project, in install-in-your-project.md
    "shop/urls.py",
    "deploy/.env",  # the operator's own settings, in container.md
}

CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
BLOCK = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)
PATH = re.compile(r"\.?[\w.*-]+(?:/[\w.*-]+)*/?")
DOTTED = re.compile(rf"(?:{'|'.join(PACKAGES)})(?:\.\w+)+")
MEMBER = re.compile(r"([A-Z][a-z]\w+)\.(\w+)(?:\(\))?")
IDENTIFIER = re.compile(r"(?=\w*(?:[a-z]_?[A-Z]|\w_\w))(\w+)(?:\(\))?")
"""A name of several words, such as `open_store` or `AccountStore`."""
NAME_OF_FILE = re.compile(r"`(\w+)`\s+(?:in|of)\s+`([\w./-]+\.py)`")


def read_page(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def iter_code(page: Path) -> Iterator[str]:
    """Yield the texts in backticks, outside of code blocks."""
    yield from CODE.findall(BLOCK.sub("", read_page(page)))


@cache
def get_file_names() -> set[str]:
    """Return the names of all source files and documents."""
    folders = [ROOT / folder for folder in FOLDERS]
    return {path.name for folder in folders for path in folder.rglob("*")} | {
        path.name for path in ROOT.glob("*")
    }


@cache
def get_words() -> set[str]:
    """Return every word of the Python code."""
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return {word for path in files for word in re.findall(r"\w+", path.read_text("utf-8"))}


@cache
def get_classes() -> dict[str, set[str]]:
    """Return the members of each class of both packages, by the class' name."""
    classes: dict[str, set[str]] = {}
    for package in ("accounts", "authproject"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    classes.setdefault(node.name, set()).update(_iter_members(node))
    return classes


def _iter_members(node: ast.ClassDef) -> Iterator[str]:
    for statement in ast.walk(node):
        match statement:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.Name(id=name):
                yield name


def path_exists(text: str) -> bool:
    return next(ROOT.glob(text.rstrip("/")), None) is not None


def module_exists(text: str) -> bool:
    try:
        resolve_name(text)
    except (ImportError, AttributeError):
        return False
    return True


def is_path(text: str) -> bool:
    folder, slash, _ = text.partition("/")
    return slash != "" and (folder in FOLDERS or text.endswith(".py"))


def is_name_of_file(text: str) -> bool:
    """Return whether the text has the form of a file's name without a folder, such as `urls.py`."""
    return "/" not in text and Path(text).suffix in SUFFIXES and Path(text).stem not in {"", "*"}


def name_page(page: Path) -> str:
    return str(page.relative_to(ROOT))


every_page = pytest.mark.parametrize("page", PAGES, ids=name_page)


@every_page
def test_paths_exist(page: Path) -> None:
    paths = {text for text in iter_code(page) if PATH.fullmatch(text) and is_path(text)}
    assert [text for text in paths - NOT_HERE if not path_exists(text)] == []


@every_page
def test_files_without_folder_exist(page: Path) -> None:
    names = {text for text in iter_code(page) if PATH.fullmatch(text) and is_name_of_file(text)}
    assert names - get_file_names() - NOT_HERE == set()


@every_page
def test_modules_and_their_names_exist(page: Path) -> None:
    names = [text for text in iter_code(page) if DOTTED.fullmatch(text)]
    modules = [name for name in names if Path(name).suffix not in {".jsonl", *SUFFIXES}]
    assert [name for name in modules if not module_exists(name)] == []


@every_page
def test_members_of_classes_exist(page: Path) -> None:
    found = [match.groups() for text in iter_code(page) if (match := MEMBER.fullmatch(text))]
    classes = get_classes()
    unknown = [pair for pair in found if pair[0] in classes and pair[1] not in classes[pair[0]]]
    assert unknown == []


@pytest.mark.parametrize("page", PAGES_ABOUT_CODE, ids=name_page)
def test_identifiers_are_in_the_code(page: Path) -> None:
    names = {match[1] for text in iter_code(page) if (match := IDENTIFIER.fullmatch(text))}
    assert names - get_words() == set()


@every_page
def test_names_are_in_their_files(page: Path) -> None:
    found = NAME_OF_FILE.findall(read_page(page))
    assert [
        (name, file)
        for name, file in found
        if (ROOT / file).is_file()
        and not re.search(rf"\b{name}\b", (ROOT / file).read_text(encoding="utf-8"))
    ] == []


@every_page
def test_commands_exist(page: Path) -> None:
    text = read_page(page)
    assert {*re.findall(r"manage\.py (\w+)", text)} <= {*get_commands()}
    modules = re.findall(r"python3? -m ((?:authproject|bench)[\w.]*)", text)
    assert [name for name in modules if not path_exists(f"{name.replace('.', '/')}.py")] == []


@every_page
def test_make_targets_exist(page: Path) -> None:
    targets = {*re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)}
    assert {*re.findall(r"(?:^|`)make (\w+)", read_page(page), re.MULTILINE)} <= targets
