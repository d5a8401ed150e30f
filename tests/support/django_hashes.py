"""Password hashes as other software makes them, at the lowest costs."""

from importlib.util import find_spec
from typing import Any

import pytest
from django.contrib.auth import hashers

needs_argon2 = pytest.mark.skipif(
    find_spec("argon2") is None, reason="pip install -r requirements-argon2.txt"
)

HASHERS: list[Any] = [
    hashers.BCryptSHA256PasswordHasher,
    hashers.BCryptPasswordHasher,
    hashers.PBKDF2PasswordHasher,
    hashers.PBKDF2SHA1PasswordHasher,
    hashers.ScryptPasswordHasher,
    hashers.Argon2PasswordHasher,
]
ALGORITHMS = {hasher.algorithm: hasher for hasher in HASHERS}
COSTS = {
    "bcrypt_sha256": {"rounds": 4},
    "bcrypt": {"rounds": 4},
    "pbkdf2_sha256": {"iterations": 2},
    "pbkdf2_sha1": {"iterations": 2},
    "scrypt": {"work_factor": 16, "parallelism": 1},
    "argon2": {"time_cost": 1, "memory_cost": 8, "parallelism": 1},
}

# Hashes of "secret".
HTPASSWD = "$2y$04$PpMehoaNxnAp5EhHj98x3ORUu3omfBubbhTmS2mPGHTqBvHjEvY1q"
"""`htpasswd -nbBC 4 ada secret` of Apache 2.4.71, without `ada:`."""
PHP = "$2y$04$FVd3lmNYAmuOQvdUPl9TU.jPnWnD5t6v46TMSt9HMNbyVNVZxgF2a"
"""`password_hash("secret", PASSWORD_BCRYPT, ["cost" => 4])` of PHP 8.2."""
NODE = "$2b$04$LqyRlpoYQxZUhGq7d1y5b.mz1HC/vHzS.XkioNmeQ4gnFKFdFzyp."
"""`hashSync("secret", 4)` of bcryptjs 3.0.3."""
POSTGRES = "$2a$04$Sq6s0z5xYwJpCh154sAHLO2HHKy.UA1tSxCJxqDgPRugcgY9Zj3Am"
"""`crypt('secret', gen_salt('bf', 4))` of PostgreSQL 15's pgcrypto, which Supabase uses."""
ARGON2 = (
    "$argon2id$v=19$m=8,t=1,p=1$jidSD4/i/IES/nl7HIDyQQ$s9JyfrrhcarLJqQx0sH5zXtWbTxD4NlumKg2UAGnvb4"
)
"""`PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("secret")` of argon2-cffi."""

every_algorithm = pytest.mark.parametrize(
    "algorithm",
    [pytest.param(name, marks=needs_argon2 if name == "argon2" else ()) for name in ALGORITHMS],
)
every_other_hash = pytest.mark.parametrize(
    "text",
    [
        pytest.param(HTPASSWD, id="htpasswd"),
        pytest.param(PHP, id="PHP"),
        pytest.param(NODE, id="Node"),
        pytest.param(POSTGRES, id="PostgreSQL"),
        pytest.param(ARGON2, id="argon2-cffi", marks=needs_argon2),
    ],
)
"""A hash of "secret" in a form that Django does not write."""


def make_django_hash(algorithm: str, password: str) -> str:
    """Return a new hash by Django's own hasher."""
    hasher = ALGORITHMS[algorithm]()
    for name, value in COSTS[algorithm].items():
        setattr(hasher, name, value)
    encoded: str = hasher.encode(password, hasher.salt())
    return encoded
