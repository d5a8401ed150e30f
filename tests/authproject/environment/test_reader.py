"""Every setting: its default, the values that it takes, and the errors of the others."""

from pathlib import Path
from typing import Any

import pytest

from authproject.environment.reader import (
    ConfigurationError,
    find_unknown_names,
    read_environment,
)
from authproject.environment.variables import EXAMPLE_SECRET, get_variables
from tests import settings as test_settings

SECRET = "a-secret-of-thirty-two-bytes-or-more"
BODY = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="
KEYS_OF_OTHER_ALGORITHMS = [
    *(f"{name} {BODY} me@example.com" for name in ("ssh-rsa", "ssh-ed25519", "ssh-dss")),
    *(f"ecdsa-sha2-nistp{bits} {BODY}" for bits in (256, 384, 521)),
    f" ssh-rsa {BODY}",
    f"-----BEGIN PUBLIC KEY-----\n{BODY}\n-----END PUBLIC KEY-----",
    f"-----BEGIN PUBLIC KEY-----\\n{BODY}\\n-----END PUBLIC KEY-----\\n",
    f"-----BEGIN CERTIFICATE----- {BODY} -----END CERTIFICATE-----",
    f"-----BEGIN PRIVATE KEY-----{BODY}-----END PRIVATE KEY-----",
    f" -----BEGIN RSA PRIVATE KEY-----{BODY}-----END RSA PRIVATE KEY-----",
    f"---- BEGIN SSH2 PUBLIC KEY ---- {BODY} ---- END SSH2 PUBLIC KEY ----",
    "-----BEGIN OPENSSH PRIVATE KEY-----",  # of a file whose other lines are lost
    '{"kty": "oct"                            }',
    '[{"keys": {"kty": "RSA"}}                ]',
]
BLANK_SECRETS = [" " * 40, "\t" * 40, "\u00a0" * 40, "\u3000" * 40, "\u200b" * 40, " \u2003" * 20]


@pytest.fixture
def dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `.env` with a valid secret, in an otherwise empty environment."""
    for name in test_settings.TEST_ENVIRONMENT:
        monkeypatch.delenv(name)
    path = tmp_path / ".env"
    path.write_text(f"JWT_SECRET_KEY={SECRET}\n")
    return path


def append(dotenv: Path, settings: dict[str, str]) -> None:
    if "JWT_SECRET_KEY" in settings:
        dotenv.write_text("")
    with dotenv.open("a") as file:
        file.writelines(f"{name}={value}\n" for name, value in settings.items())


def read(dotenv: Path, name: str, value: str) -> Any:
    """Return the parsed value of one variable."""
    append(dotenv, {name: value})
    return getattr(read_environment(dotenv), name)


def get_error(dotenv: Path, **settings: str) -> str:
    append(dotenv, settings)
    with pytest.raises(ConfigurationError) as error:
        read_environment(dotenv)
    return str(error.value)


def test_defaults_are_those_of_development(dotenv: Path) -> None:
    env = read_environment(dotenv)
    assert {variable.name: getattr(env, variable.name) for variable in get_variables()} == {
        "JWT_SECRET_KEY": SECRET,
        "JWT_SECRET_KEY_FALLBACKS": [],
        "ENVIRONMENT": "development",
        "ALLOWED_HOSTS": ["localhost", "127.0.0.1", "[::1]"],
        "CORS_ORIGINS": [
            f"http://{host}:{port}"
            for host in ("localhost", "127.0.0.1")
            for port in (3000, 4200, 5173, 8000)
        ],
        "CORS_ALLOW_HEADERS": [
            *("traceparent", "tracestate", "baggage", "sentry-trace"),
            *("idempotency-key", "cache-control"),
        ],
        "TRUSTED_PROXIES": [],
        "URL_PREFIX": "",
        "STORE_URL": "memory://",
        "ACCESS_TOKEN_EXPIRE_MINUTES": 15,
        "REFRESH_TOKEN_EXPIRE_DAYS": 7,
        "REFRESH_TOKEN_SHORT_DAYS": 1,
        "ROTATE_REFRESH_TOKENS": False,
        "REFRESH_REUSE_GRACE_SECONDS": 10,
        "REFRESH_TOKEN_SLIDING_DAYS": None,
        "REFRESH_TOKEN_COOKIE": False,
        "REFRESH_TOKEN_COOKIE_SAMESITE": "Strict",
        "TRACK_SESSIONS": False,
        "BCRYPT_ROUNDS": 12,
        "SEED_USERS_FILE": None,
        "REJECT_COMMON_PASSWORDS": False,
        "BROWSABLE_API": True,
        "API_DOCS": True,
        "METRICS": True,
        "LOG_LEVEL": "INFO",
        "LOG_FORMAT": "console",
    }


def test_defaults_in_production_are_stricter(dotenv: Path) -> None:
    append(dotenv, {"ENVIRONMENT": "production"})
    env = read_environment(dotenv)
    assert env.ALLOWED_HOSTS == env.CORS_ORIGINS == []
    assert env.BROWSABLE_API is env.API_DOCS is False
    assert env.LOG_FORMAT == "json"


def test_process_environment_overrides_dotenv(
    dotenv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BCRYPT_ROUNDS", "5")
    assert read(dotenv, "BCRYPT_ROUNDS", "6") == 5


def test_dotenv_may_be_missing(dotenv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET_KEY", SECRET)
    assert read_environment(dotenv.with_name("absent")).JWT_SECRET_KEY == SECRET


@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_dotenv_values_are_literal(dotenv: Path, quote: str) -> None:
    secret = f"{SECRET}${{HOME}}$HOME%20"
    assert read(dotenv, "JWT_SECRET_KEY", f"{quote}{secret}{quote}") == secret


@pytest.mark.parametrize("quote", ["'", '"'])
@pytest.mark.parametrize("name", [variable.name for variable in get_variables()])
def test_quotes_in_process_environment_are_an_error(
    dotenv: Path, monkeypatch: pytest.MonkeyPatch, name: str, quote: str
) -> None:
    monkeypatch.setenv(name, f"{quote}{SECRET}{quote}")
    error = "remove the quotes around the value: they are a part of it"
    assert f"  {name}: {error}\n" in get_error(dotenv)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWT_SECRET_KEY_FALLBACKS", f"{SECRET}, '{SECRET}'"),
        ("CORS_ALLOW_HEADERS", "x-a, 'x-b'"),
    ],
)
def test_quotes_around_an_item_are_an_error(dotenv: Path, name: str, value: str) -> None:
    message = get_error(dotenv, **{name: value})
    assert f"  {name}: remove the quotes around the value" in message
    assert SECRET not in message


def test_line_with_error_is_reported_once_with_other_errors(dotenv: Path) -> None:
    dotenv.write_text(f'JWT_SECRET_KEY="{SECRET}\nLOG_LEVEL=LOUD\n')
    message = get_error(dotenv)
    assert f"  {dotenv}, line 1: must be JWT_SECRET_KEY=value" in message
    assert "  LOG_LEVEL: " in message
    assert "init_env" not in message, "the secret is there, and must not be replaced"


def test_variable_of_process_is_checked_beside_line_with_error(
    dotenv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    append(dotenv, {"LOGLEVEL": "INFO"})
    assert "  LOG_LEVEL: " in get_error(dotenv)


@pytest.mark.parametrize("name", ["CORS_ORIGIN", "ENVIROMENT", "log_level"])
def test_typo_in_process_environment_is_a_warning(
    dotenv: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "hunter2")
    read_environment(dotenv)
    (warning,) = find_unknown_names(dotenv)
    assert warning.startswith(f"{name} in the environment is no setting; did you mean ")
    assert "hunter2" not in warning


@pytest.mark.parametrize(
    "name",
    [
        "DJANGO_SETTINGS_MODULE",
        "DJANGO_ALLOWED_HOSTS",
        "UVICORN_LOG_LEVEL",
        "GRANIAN_LOG_LEVEL",
        "SECRET_KEY",
        "DATABASE_URL",
        "LOG_FILE",
        "HTTP_PROXY",
        "BCRYPT_ROUNDS",
    ],
)
def test_other_name_in_process_environment_is_no_warning(
    dotenv: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "10")
    assert find_unknown_names(dotenv) == []


def test_unknown_name_in_dotenv_is_a_warning_with_its_line(dotenv: Path) -> None:
    append(dotenv, {"LOG_LEVEL": "INFO", "HUNTER2": "hunter2"})
    read_environment(dotenv)
    assert find_unknown_names(dotenv) == [f"{dotenv}, line 3: no setting has this name"]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        *(("ROTATE_REFRESH_TOKENS", text, True) for text in ("true", "TRUE", "1", "yes", "on")),
        *(("BROWSABLE_API", text, False) for text in ("false", "False", "0", "no", "OFF")),
        ("ALLOWED_HOSTS", "a.example, b.example,", ["a.example", "b.example"]),
        ("ALLOWED_HOSTS", "*", ["*"]),
        ("CORS_ORIGINS", "*", ["*"]),
        ("CORS_ALLOW_HEADERS", "X-Tenant, x_a.b", ["X-Tenant", "x_a.b"]),
        ("CORS_ALLOW_HEADERS", "", []),
        ("URL_PREFIX", "/accounts", "/accounts"),
        ("URL_PREFIX", "/a-b/v1.2/_c~", "/a-b/v1.2/_c~"),
        ("TRUSTED_PROXIES", "127.0.0.1, 10.1.0.0/24", ["127.0.0.1", "10.1.0.0/24"]),
        ("TRUSTED_PROXIES", "::1, 2001:db8::/32", ["::1", "2001:db8::/32"]),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "0.05", 0.05),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "4320", 4320),
        ("REFRESH_TOKEN_EXPIRE_DAYS", "0.5", 0.5),
        ("REFRESH_TOKEN_SHORT_DAYS", "0.25", 0.25),
        ("REFRESH_REUSE_GRACE_SECONDS", "3600", 3600),
        ("REFRESH_TOKEN_COOKIE", "true", True),
        ("TRACK_SESSIONS", "true", True),
        ("REFRESH_TOKEN_COOKIE_SAMESITE", "Lax", "Lax"),
        ("SEED_USERS_FILE", "/srv/users.jsonl", Path("/srv/users.jsonl")),
        ("JWT_SECRET_KEY", EXAMPLE_SECRET, EXAMPLE_SECRET),
    ],
)
def test_value_is_parsed(dotenv: Path, name: str, text: str, value: object) -> None:
    assert read(dotenv, name, text) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWT_SECRET_KEY", ""),
        ("JWT_SECRET_KEY", "x" * 31),
        ("JWT_SECRET_KEY", f"{SECRET},{SECRET}"),
        ("JWT_SECRET_KEY_FALLBACKS", f"{SECRET},short"),
        ("ENVIRONMENT", "staging"),
        ("ENVIRONMENT", "Production"),
        ("ALLOWED_HOSTS", "a.example, https://b.example"),
        ("CORS_ORIGINS", "https://a.example, https://b.example/path"),
        ("CORS_ALLOW_HEADERS", "*"),
        *(
            ("URL_PREFIX", prefix)
            for prefix in (
                "/",
                "a",
                "/a/",
                "//a",
                "/a//b",
                "/../a",
                "/.",
                "/a b",
                "/ä",
                "/a?b",
                "/%41",
            )
        ),
        ("CORS_ALLOW_HEADERS", "x-a x-b"),
        ("CORS_ALLOW_HEADERS", "x-a, x-b: c"),
        ("CORS_ALLOW_HEADERS", "x-\u00fc"),
        ("CORS_ALLOW_HEADERS", "x-(a)"),
        ("TRUSTED_PROXIES", "*"),
        ("TRUSTED_PROXIES", "nginx"),
        ("TRUSTED_PROXIES", "0.0.0.0/0"),
        ("TRUSTED_PROXIES", "::/0"),
        ("TRUSTED_PROXIES", "::ffff:0:0/96"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("TRUSTED_PROXIES", "fe80::1%eth0"),
        ("TRUSTED_PROXIES", "10.0.0.1:80"),
        ("TRUSTED_PROXIES", "10.0.0.1, localhost"),
        ("TRUSTED_PROXIES", "10.0.0.1 10.0.0.2"),
        ("STORE_URL", "postgres://localhost"),
        ("STORE_URL", "nonsense"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "0"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "-1"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "soon"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "nan"),
        ("REFRESH_TOKEN_EXPIRE_DAYS", "0"),
        ("REFRESH_TOKEN_SHORT_DAYS", "0"),
        ("REFRESH_TOKEN_SLIDING_DAYS", "0"),
        ("REFRESH_TOKEN_EXPIRE_DAYS", "inf"),
        ("REFRESH_TOKEN_EXPIRE_DAYS", "3651"),
        ("REFRESH_REUSE_GRACE_SECONDS", "-1"),
        ("REFRESH_REUSE_GRACE_SECONDS", "3600.1"),
        ("REFRESH_REUSE_GRACE_SECONDS", "604800"),
        ("REFRESH_REUSE_GRACE_SECONDS", "inf"),
        ("REFRESH_REUSE_GRACE_SECONDS", "nan"),
        ("REFRESH_TOKEN_COOKIE_SAMESITE", "None"),
        ("BCRYPT_ROUNDS", "3"),
        ("BCRYPT_ROUNDS", "17"),
        ("BCRYPT_ROUNDS", "12.5"),
        ("ROTATE_REFRESH_TOKENS", "perhaps"),
        ("REJECT_COMMON_PASSWORDS", "t"),
        ("BROWSABLE_API", ""),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_invalid_value_is_an_error(dotenv: Path, name: str, value: str) -> None:
    assert f"  {name}: " in get_error(dotenv, **{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWT_SECRET_KEY", EXAMPLE_SECRET),
        ("JWT_SECRET_KEY_FALLBACKS", f"{SECRET}, {EXAMPLE_SECRET}"),
        ("ALLOWED_HOSTS", "a.example, *"),
        ("CORS_ORIGINS", "https://a.example, *"),
        ("BCRYPT_ROUNDS", "9"),
    ],
)
def test_insecure_value_is_an_error_in_production(dotenv: Path, name: str, value: str) -> None:
    assert f"  {name}: " in get_error(dotenv, ENVIRONMENT="production", **{name: value})


def test_missing_secret_error_has_the_remedy(dotenv: Path) -> None:
    dotenv.write_text("")
    assert "authproject.init_env" in get_error(dotenv)


def test_error_message_names_every_variable(dotenv: Path) -> None:
    message = get_error(dotenv, BCRYPT_ROUNDS="3", LOG_LEVEL="LOUD", JWT_SECRET_KEY="short")
    assert all(name in message for name in ("BCRYPT_ROUNDS", "LOG_LEVEL", "JWT_SECRET_KEY"))


def test_error_message_names_every_item_of_a_list(dotenv: Path) -> None:
    message = get_error(dotenv, CORS_ORIGINS="foo, http://a/b, http://c")
    assert "'foo' is not an origin; 'http://a/b' is not an origin; " in message


def test_allowed_hosts_error_has_the_right_form(dotenv: Path) -> None:
    message = get_error(dotenv, ALLOWED_HOSTS="*.example.com, [::1]")
    assert "'*.example.com' is not a host name; list host names as " in message
    assert ".example.com (with its subdomains)" in message


@pytest.mark.parametrize("other", [{}, {"LOG_LEVEL": "LOUD"}])
def test_access_token_must_expire_before_session(dotenv: Path, other: dict[str, str]) -> None:
    lifetimes = {"ACCESS_TOKEN_EXPIRE_MINUTES": "1440", "REFRESH_TOKEN_EXPIRE_DAYS": "1"}
    assert "less than REFRESH_TOKEN_EXPIRE_DAYS" in get_error(dotenv, **lifetimes, **other)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"REFRESH_TOKEN_EXPIRE_DAYS": "31"}, "must not be less than REFRESH_TOKEN_EXPIRE_DAYS"),
        ({"ROTATE_REFRESH_TOKENS": "false"}, "needs ROTATE_REFRESH_TOKENS=true"),
    ],
)
def test_sliding_needs_rotation_and_a_bound_that_is_longer(
    dotenv: Path, changed: dict[str, str], error: str
) -> None:
    sliding = {"REFRESH_TOKEN_SLIDING_DAYS": "30", "ROTATE_REFRESH_TOKENS": "true"}
    assert f"REFRESH_TOKEN_SLIDING_DAYS: {error}" in get_error(dotenv, **{**sliding, **changed})


def test_sliding_with_rotation_is_accepted(dotenv: Path) -> None:
    append(dotenv, {"ROTATE_REFRESH_TOKENS": "true"})
    assert read(dotenv, "REFRESH_TOKEN_SLIDING_DAYS", "7") == 7


def test_short_session_longer_than_the_others_is_an_error(dotenv: Path) -> None:
    lifetimes = {"REFRESH_TOKEN_SHORT_DAYS": "8", "REFRESH_TOKEN_EXPIRE_DAYS": "7"}
    message = get_error(dotenv, **lifetimes)
    assert "REFRESH_TOKEN_SHORT_DAYS: must not be more than REFRESH_TOKEN_EXPIRE_DAYS" in message


def test_short_session_by_default_may_be_longer_than_the_others(dotenv: Path) -> None:
    assert read(dotenv, "REFRESH_TOKEN_EXPIRE_DAYS", "0.5") == 0.5


@pytest.mark.parametrize("other", [{}, {"LOG_LEVEL": "LOUD"}])
def test_refresh_cookie_needs_listed_origins(dotenv: Path, other: dict[str, str]) -> None:
    settings = {"REFRESH_TOKEN_COOKIE": "true", "CORS_ORIGINS": "http://a.example, *"}
    assert "  CORS_ORIGINS: must list origins" in get_error(dotenv, **settings, **other)


def test_long_grace_period_error_has_its_reason(dotenv: Path) -> None:
    message = get_error(dotenv, REFRESH_REUSE_GRACE_SECONDS="604800")
    assert "a copied token is not detected that long" in message


@pytest.mark.parametrize(
    "key",
    [*KEYS_OF_OTHER_ALGORITHMS, *BLANK_SECRETS, f" {SECRET}", f"{SECRET} ", f"{SECRET}\u00a0"],
    ids=ascii,
)
def test_text_that_is_no_secret_is_an_error(
    dotenv: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("JWT_SECRET_KEY", key)
    message = get_error(dotenv)
    assert "  JWT_SECRET_KEY: " in message
    assert key not in message


@pytest.mark.parametrize("value", [f"' {SECRET}'", f'"{SECRET} "', f'"{SECRET}\\t"'])
def test_quoted_secret_with_outer_blanks_is_an_error(dotenv: Path, value: str) -> None:
    message = get_error(dotenv, JWT_SECRET_KEY=value)
    assert "  JWT_SECRET_KEY: " in message
    assert SECRET not in message


@pytest.mark.parametrize("key", KEYS_OF_OTHER_ALGORITHMS, ids=ascii)
def test_fallback_that_is_no_secret_is_an_error(
    dotenv: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("JWT_SECRET_KEY_FALLBACKS", f"{SECRET}, {key}")
    message = get_error(dotenv)
    assert "  JWT_SECRET_KEY_FALLBACKS: " in message
    assert key not in message


def test_secret_that_is_not_utf8_is_an_error(dotenv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET_KEY", "\udcff" + SECRET)
    assert "  JWT_SECRET_KEY: " in get_error(dotenv)


def test_dotenv_that_is_not_utf8_is_an_error(dotenv: Path) -> None:
    dotenv.write_bytes(b"JWT_SECRET_KEY=\xff")
    assert f"  {dotenv}: " in get_error(dotenv)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWT_SECRET_KEY", "hunter2"),
        ("JWT_SECRET_KEY_FALLBACKS", "hunter2"),
        ("STORE_URL", "mysql://user:hunter2@localhost"),
        ("CORS_ORIGINS", "https://user:hunter2@localhost"),
    ],
)
def test_error_message_contains_no_secret(dotenv: Path, name: str, value: str) -> None:
    assert "hunter2" not in get_error(dotenv, **{name: value})
