"""Reads `.env`. A line is blank, a comment or `NAME=value`, and all others are errors."""

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from io import StringIO
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from authproject.environment.variables import get_variables

WORD_RE = re.compile(r"\s*(?:export\s+)?(\w+)")

MIN_SIMILARITY = 0.85
"""CORS_ORIGIN is similar to CORS_ORIGINS; DJANGO_LOG_LEVEL and SECRET_KEY are names of others."""


@dataclass
class DotenvFile:
    """What was read. No line is repeated here, because any may be a secret."""

    texts: dict[str, str] = field(default_factory=dict)
    """The values of known variables."""
    errors: dict[str, str] = field(default_factory=dict)
    """The error of each line that has one, or of the file."""
    variables_with_errors: set[str] = field(default_factory=set)
    """The variables that the lines with errors seem to set."""
    unknown_lines: list[int] = field(default_factory=list)
    """The numbers of the lines that set other variables."""


def read_dotenv(path: Path) -> DotenvFile:
    file = DotenvFile()
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError:
        return file
    except (OSError, UnicodeDecodeError):
        file.errors[str(path)] = "must be a readable file of UTF-8 text"
        return file
    for number, line in enumerate(lines, 1):
        # Alone, a line with an open quote does not swallow the next ones.
        binding = next(parse_stream(StringIO(f"{line}\n")))
        if binding.error or binding.key is not None:
            _add_line(file, f"{path}, line {number}", number, binding)
    return file


def _add_line(file: DotenvFile, place: str, number: int, binding: Binding) -> None:
    word = match[1] if (match := WORD_RE.match(binding.original.string)) else ""
    variable = find_similar_variable(word)
    if binding.value is None or binding.key != word:
        file.errors[place] = (
            f"must be {variable or 'NAME'}=value, a comment or blank; "
            "a quoted value ends on its line, and nothing but a comment follows it"
        )
    elif variable is None:
        file.unknown_lines.append(number)
    elif variable != word:
        file.errors[place] = f"is an unknown name; did you mean {variable}?"
    elif variable in file.texts:
        file.errors[place] = f"sets {variable} again; remove one of the two lines"
    else:
        file.texts[variable] = binding.value
        return
    if variable:
        file.variables_with_errors.add(variable)


def find_similar_variable(name: str) -> str | None:
    """Return the variable with this name, or with a name that may be a typo of it."""
    names = [variable.name for variable in get_variables()]
    return next(iter(get_close_matches(name.upper(), names, 1, MIN_SIMILARITY)), None)
