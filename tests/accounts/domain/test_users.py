import pytest

from accounts.domain.errors import InvalidEmail
from accounts.domain.users import normalize_email


@pytest.mark.parametrize(
    ("raw", "normalized"),
    [
        ("User@Example.COM", "user@example.com"),
        (" \t user@example.com\r\n", "user@example.com"),
        ("\u00a0user@example.com\u3000", "user@example.com"),
        ("cafe\u0301@example.com", "caf\u00e9@example.com"),
        ("user@B\u00dccher.example.org", "user@xn--bcher-kva.example.org"),
        ("user@xn--bcher-kva.example.org", "user@xn--bcher-kva.example.org"),
        ("\u7528\u6237@\u4f8b\u5b50.\u4e2d\u56fd", "\u7528\u6237@xn--fsqu00a.xn--fiqs8s"),
        ("user+tag@example.com", "user+tag@example.com"),
        ("Dev@LOCALHOST", "dev@localhost"),
        ("dev@app.localhost", "dev@app.localhost"),
        ("dev@shop.test", "dev@shop.test"),
        ("dev@printer.local", "dev@printer.local"),
    ],
)
def test_normalize_email_makes_equal_addresses_equal(raw: str, normalized: str) -> None:
    assert normalize_email(raw) == normalized


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "user",
        "user@",
        "@example.com",
        "a@b",
        "a b@example.com",
        "a@b@example.com",
        "user@example..com",
        "user@-example.com",
        '"quoted"@example.com',
        "Name <user@example.com>",
        "user@[127.0.0.1]",
        "user@host.invalid",
        "us\0er@example.com",
        "us\ud800er@example.com",
        "user@exa\ud800mple.com",
        "user@example.com\n.org",
        "a" * 65 + "@example.com",
        "a@" + "b" * 400 + ".com",
        "a" * 100_000 + "@example.com",
    ],
)
def test_normalize_email_rejects_what_is_no_address(raw: str) -> None:
    with pytest.raises(InvalidEmail):
        normalize_email(raw)
