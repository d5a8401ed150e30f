"""The lines of `.env`: what each form is, and that every other one is an error."""

from pathlib import Path

import pytest

from authproject.environment.dotenv_file import read_dotenv


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".env"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("LOG_LEVEL=INFO", "INFO"),
        ("LOG_LEVEL = INFO ", "INFO"),
        ("\tLOG_LEVEL\t=\tINFO\t", "INFO"),
        ("export LOG_LEVEL=INFO", "INFO"),
        ("LOG_LEVEL=", ""),
        ("LOG_LEVEL='IN FO'", "IN FO"),
        ('LOG_LEVEL=" INFO "', " INFO "),
        ("LOG_LEVEL=INFO # comment", "INFO"),
        ("LOG_LEVEL='INFO' # comment", "INFO"),
        ("LOG_LEVEL='INFO'#comment", "INFO"),
        ("LOG_LEVEL= # comment", ""),
        ("LOG_LEVEL=IN#FO", "IN#FO"),
        ("LOG_LEVEL='IN #FO'", "IN #FO"),
        ("LOG_LEVEL=IN=FO=", "IN=FO="),
        ("LOG_LEVEL=${HOME}", "${HOME}"),
        ("LOG_LEVEL='${HOME}'", "${HOME}"),
        ('LOG_LEVEL="${HOME}"', "${HOME}"),
        (r"LOG_LEVEL=a\nb\\c", r"a\nb\\c"),
        (r"LOG_LEVEL='a\nb\\c\'d'", r"a\nb\c'd"),
        (r'LOG_LEVEL="a\nb\\c\"d"', 'a\nb\\c"d'),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_assignment_is_read(path: Path, line: str, end: str, value: str) -> None:
    path.write_text(f"\ufeff{line}{end}", encoding="utf-8", newline="")
    file = read_dotenv(path)
    assert file.texts == {"LOG_LEVEL": value}
    assert file.errors == {}
    assert file.unknown_lines == []


@pytest.mark.parametrize("line", ["", "  ", "\t", "# LOG_LEVEL=INFO", ' # it\'s "a" comment', "#"])
def test_blank_line_or_comment_is_ignored(path: Path, line: str) -> None:
    path.write_text(f"{line}\n")
    file = read_dotenv(path)
    assert file.texts == file.errors == {}
    assert file.unknown_lines == []


@pytest.mark.parametrize(
    "line",
    [
        'STORE_URL="hunter2',
        "STORE_URL='hunter2",
        'export STORE_URL="hunter2',
        "STORE_URL: hunter2",
        "STORE_URL:hunter2=",
        "STORE_URL hunter2",
        "STORE_URL",
        "STORE_URL='hunter2'x",
        'STORE_URL="hunter2" "x"',
        'STORE_URL="hunter2","x"',
    ],
)
def test_other_line_is_an_error_and_names_the_variable(path: Path, line: str) -> None:
    path.write_text(f'\n\n{line}\nLOG_FORMAT="json"\n')
    file = read_dotenv(path)
    assert list(file.errors) == [f"{path}, line 3"]
    assert "must be STORE_URL=value, " in file.errors[f"{path}, line 3"]
    assert "hunter2" not in str(file)
    assert file.texts == {"LOG_FORMAT": "json"}, "the next line is read"


@pytest.mark.parametrize(
    "line",
    [
        "hunter2",
        "=hunter2",
        "'STORE_URL'=hunter2",
        '"STORE_URL"="hunter2"',
        "a.hunter2=b",
        "set STORE_URL=hunter2",
        "- STORE_URL=hunter2",
        "hunter2:memory://",
        "export",
        "{",
        "<<<<<<< HEAD",
        "STORE_URL\0=hunter2",
    ],
)
def test_line_without_name_is_an_error(path: Path, line: str) -> None:
    path.write_text(line)
    assert f"{path}, line 1" in read_dotenv(path).errors
    assert "hunter2" not in str(read_dotenv(path))


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("CORS_ORIGIN", "CORS_ORIGINS"),
        ("ENVIROMENT", "ENVIRONMENT"),
        ("environment", "ENVIRONMENT"),
        ("ALLOW_HOSTS", "ALLOWED_HOSTS"),
        ("STORE_URI", "STORE_URL"),
        ("JWT_SECRETKEY", "JWT_SECRET_KEY"),
        ("LOGLEVEL", "LOG_LEVEL"),
    ],
)
def test_typo_is_an_error_with_the_name(path: Path, name: str, variable: str) -> None:
    path.write_text(f"{name}=hunter2")
    file = read_dotenv(path)
    assert file.errors == {f"{path}, line 1": f"is an unknown name; did you mean {variable}?"}
    assert file.texts == {}


def test_unknown_name_is_known_by_its_line(path: Path) -> None:
    path.write_text("LOG_LEVEL=INFO\nPOSTGRES_PASSWORD=hunter2\nhunter2=\n")
    file = read_dotenv(path)
    assert file.unknown_lines == [2, 3]
    assert file.errors == {}
    assert "hunter2" not in str(file), "a line may be a secret in Base64, which ends with ="


def test_variable_that_is_set_twice_is_an_error(path: Path) -> None:
    path.write_text("LOG_LEVEL=INFO\n\nLOG_LEVEL=DEBUG\n")
    assert read_dotenv(path).errors == {
        f"{path}, line 3": "sets LOG_LEVEL again; remove one of the two lines"
    }


def test_value_on_several_lines_is_an_error(path: Path) -> None:
    path.write_text('ALLOWED_HOSTS="a.example,\nb.example"\n')
    assert list(read_dotenv(path).errors) == [f"{path}, line 1", f"{path}, line 2"]


def test_file_in_utf16_is_an_error(path: Path) -> None:
    path.write_text("LOG_LEVEL=INFO\n", encoding="utf-16")
    assert list(read_dotenv(path).errors) == [str(path)]


def test_folder_is_an_error(path: Path) -> None:
    path.mkdir()
    assert list(read_dotenv(path).errors) == [str(path)]
