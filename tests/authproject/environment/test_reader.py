from pathlib import Path

import pytest

from authproject.environment.reader import ConfigurationError, Environment, read_environment
from authproject.environment.variables import EXAMPLE_SECRET
from tests import settings as test_settings

SECRET = "a-secret-of-thirty-two-bytes-or-more"


@pytest.fixture
def dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `.env` with a good secret, in an otherwise empty environment."""
    for name in test_settings.ENVIRONMENT:
        monkeypatch.delenv(name)
    path = tmp_path / ".env"
    path.write_text(f"JWT_SECRET_KEY={SECRET}\n")
    return path


def read(dotenv: Path, **variables: str) -> Environment:
    """Read the environment with more variables in `.env`."""
    with dotenv.open("a") as file:
        file.writelines(f"{name}={value}\n" for name, value in variables.items())
    return read_environment(dotenv)


def faults(dotenv: Path, **variables: str) -> str:
    with dotenv.open("a") as file:
        file.writelines(f"{name}={value}\n" for name, value in variables.items())
    return faults_of(dotenv)


def faults_of(dotenv: Path) -> str:
    with pytest.raises(ConfigurationError) as refusal:
        read_environment(dotenv)
    return str(refusal.value)


def test_one_secret_is_all_that_development_needs(dotenv: Path) -> None:
    assert read(dotenv) == Environment(
        jwt_secret_key=SECRET,
        jwt_secret_key_fallbacks=[],
        production=False,
        allowed_hosts=["localhost", "127.0.0.1", "[::1]"],
        cors_origins=[
            "http://localhost:3000",
            "http://localhost:8000",
            "http://127.0.0.1:3000",
            "http://127.0.0.1:8000",
        ],
        trusted_proxies=[],
        store_url="memory://",
        access_token_lifetime=900,
        refresh_token_lifetime=604_800,
        rotate_refresh_tokens=False,
        refresh_reuse_grace_seconds=10,
        bcrypt_rounds=12,
        seed_users_file=None,
        reject_common_passwords=False,
        metrics=True,
        browsable_api=True,
        api_docs=True,
        log_level="INFO",
        log_format="console",
    )


def test_production_has_defaults_of_its_own(dotenv: Path) -> None:
    env = read(dotenv, ENVIRONMENT="production")
    assert env.production
    assert (env.allowed_hosts, env.cors_origins) == ([], [])
    assert not env.browsable_api
    assert not env.api_docs
    assert env.log_format == "json"


def test_the_environment_wins_over_dotenv(dotenv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BCRYPT_ROUNDS", "5")
    assert read(dotenv, BCRYPT_ROUNDS="6").bcrypt_rounds == 5


def test_a_missing_dotenv_is_no_fault(dotenv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET_KEY", SECRET)
    assert read_environment(dotenv.with_name("absent")).jwt_secret_key == SECRET


@pytest.mark.parametrize("text", ["true", "True", "TRUE", "1", "yes", "on"])
def test_spellings_of_true(dotenv: Path, text: str) -> None:
    assert read(dotenv, ROTATE_REFRESH_TOKENS=text).rotate_refresh_tokens is True


@pytest.mark.parametrize("text", ["false", "False", "0", "no", "off", "OFF"])
def test_spellings_of_false(dotenv: Path, text: str) -> None:
    assert read(dotenv, BROWSABLE_API=text).browsable_api is False


def test_lists_are_comma_separated(dotenv: Path) -> None:
    env = read(dotenv, ALLOWED_HOSTS="a.example, b.example,", CORS_ORIGINS="http://a, http://b")
    assert env.allowed_hosts == ["a.example", "b.example"]
    assert env.cors_origins == ["http://a", "http://b"]


def test_proxies_are_addresses_and_networks(dotenv: Path) -> None:
    proxies = ["127.0.0.1", "10.1.0.0/24", "::1", "2001:db8::/32"]
    assert read(dotenv, TRUSTED_PROXIES=", ".join(proxies)).trusted_proxies == proxies


def test_lifetimes_may_be_fractions(dotenv: Path) -> None:
    env = read(dotenv, ACCESS_TOKEN_EXPIRE_MINUTES="0.05", REFRESH_TOKEN_EXPIRE_DAYS="0.5")
    assert (env.access_token_lifetime, env.refresh_token_lifetime) == (3, 43_200)


def test_development_starts_with_the_example_secret(dotenv: Path) -> None:
    assert read(dotenv, JWT_SECRET_KEY=EXAMPLE_SECRET).jwt_secret_key == EXAMPLE_SECRET


def test_development_may_allow_every_host_and_origin(dotenv: Path) -> None:
    env = read(dotenv, ALLOWED_HOSTS="*", CORS_ORIGINS="*")
    assert (env.allowed_hosts, env.cors_origins) == (["*"], ["*"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWT_SECRET_KEY", ""),
        ("JWT_SECRET_KEY", "x" * 31),
        ("JWT_SECRET_KEY_FALLBACKS", f"{SECRET},short"),
        ("ENVIRONMENT", "staging"),
        ("ENVIRONMENT", "Production"),
        ("CORS_ORIGINS", "localhost:3000"),
        ("CORS_ORIGINS", "https://a.example/"),
        ("CORS_ORIGINS", "https://a.example/path"),
        ("CORS_ORIGINS", "https://a.example?query"),
        ("CORS_ORIGINS", "http://[::1"),
        ("CORS_ORIGINS", "null"),
        ("CORS_ORIGINS", "https://a.example, https://b.example/path"),
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
        ("REFRESH_TOKEN_EXPIRE_DAYS", "inf"),
        ("REFRESH_TOKEN_EXPIRE_DAYS", "1e300"),
        ("REFRESH_REUSE_GRACE_SECONDS", "-1"),
        ("BCRYPT_ROUNDS", "3"),
        ("BCRYPT_ROUNDS", "17"),
        ("BCRYPT_ROUNDS", "12.5"),
        ("ROTATE_REFRESH_TOKENS", "perhaps"),
        ("REJECT_COMMON_PASSWORDS", "t"),
        ("BROWSABLE_API", ""),
        ("API_DOCS", "maybe"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_a_faulty_value_is_refused_by_name(dotenv: Path, name: str, value: str) -> None:
    assert f"  {name}: " in faults(dotenv, **{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWT_SECRET_KEY", EXAMPLE_SECRET),
        ("ALLOWED_HOSTS", "*"),
        ("CORS_ORIGINS", "*"),
        ("BCRYPT_ROUNDS", "9"),
        ("ALLOWED_HOSTS", "a.example, *"),
        ("CORS_ORIGINS", "https://a.example, *"),
        ("JWT_SECRET_KEY_FALLBACKS", f"{SECRET}, {EXAMPLE_SECRET}"),
    ],
)
def test_production_refuses_what_development_allows(dotenv: Path, name: str, value: str) -> None:
    assert f"  {name}: " in faults(dotenv, ENVIRONMENT="production", **{name: value})


def test_an_access_token_must_not_outlive_its_refresh_token(dotenv: Path) -> None:
    assert "less than REFRESH_TOKEN_EXPIRE_DAYS" in faults(
        dotenv, ACCESS_TOKEN_EXPIRE_MINUTES="1440", REFRESH_TOKEN_EXPIRE_DAYS="1"
    )


def test_a_missing_secret_says_how_to_make_one(dotenv: Path) -> None:
    dotenv.write_text("")
    assert "authproject.init_env" in faults(dotenv)


def test_every_fault_is_named_at_once(dotenv: Path) -> None:
    message = faults(dotenv, BCRYPT_ROUNDS="3", LOG_LEVEL="LOUD", JWT_SECRET_KEY="short")
    assert all(name in message for name in ("BCRYPT_ROUNDS", "LOG_LEVEL", "JWT_SECRET_KEY"))


def test_every_item_of_a_list_is_judged(dotenv: Path) -> None:
    message = faults(dotenv, CORS_ORIGINS="foo, http://a/b, http://c")
    assert "'foo' is no origin" in message
    assert "'http://a/b' is no origin" in message


def test_lifetimes_are_compared_whatever_else_is_at_fault(dotenv: Path) -> None:
    lifetimes = {"ACCESS_TOKEN_EXPIRE_MINUTES": "20", "REFRESH_TOKEN_EXPIRE_DAYS": "0.001"}
    assert "less than REFRESH_TOKEN_EXPIRE_DAYS" in faults(dotenv, LOG_LEVEL="LOUD", **lifetimes)


def test_long_lifetimes_and_graces_are_allowed(dotenv: Path) -> None:
    env = read(dotenv, ACCESS_TOKEN_EXPIRE_MINUTES="4320", REFRESH_REUSE_GRACE_SECONDS="86400")
    assert (env.access_token_lifetime, env.refresh_reuse_grace_seconds) == (259_200, 86_400)


def test_a_secret_of_bytes_that_are_no_text_is_refused(
    dotenv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JWT_SECRET_KEY", "\udcff" + SECRET)
    assert "  JWT_SECRET_KEY: " in faults(dotenv)


def test_a_dotenv_that_is_no_text_is_refused(dotenv: Path) -> None:
    dotenv.write_bytes(b"JWT_SECRET_KEY=\xff")
    assert str(dotenv) in faults(dotenv)


def test_a_dotenv_that_is_no_file_is_refused(dotenv: Path) -> None:
    assert str(dotenv.parent) in faults_of(dotenv.parent)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWT_SECRET_KEY", "hunter2"),
        ("STORE_URL", "mysql://user:hunter2@localhost"),
        ("CORS_ORIGINS", "https://user:hunter2@localhost"),
    ],
)
def test_a_refusal_repeats_no_secret(dotenv: Path, name: str, value: str) -> None:
    assert "hunter2" not in faults(dotenv, **{name: value})
