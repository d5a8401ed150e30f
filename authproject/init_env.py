"""Writes `.env` from `.env.example`, with a new secret: `python -m authproject.init_env`.

Uses only the standard library, because it runs before settings exist and packages are installed.
"""

import os
import re
import secrets
import sys
from pathlib import Path

EXAMPLE = ".env.example"
CHECKOUT = Path(__file__).resolve().parent.parent
# Where the wheel is installed, there is no example: a project is the folder of the command.
ROOT = CHECKOUT if (CHECKOUT / EXAMPLE).exists() else Path.cwd()


def init_env(root: Path) -> str:
    """Write `root/.env`, readable by its owner only, unless it exists. Return a message."""
    path = root / EXAMPLE
    example = path.read_text(encoding="utf-8") if path.exists() else "JWT_SECRET_KEY=\n"
    secret = f"JWT_SECRET_KEY={secrets.token_urlsafe(48)}"
    content = re.sub(r"^JWT_SECRET_KEY=.*$", secret, example, count=1, flags=re.MULTILINE)
    try:
        descriptor = os.open(root / ".env", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return ".env exists already and was not changed."
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    return "Wrote .env with a new JWT_SECRET_KEY."


if __name__ == "__main__":
    sys.stdout.write(f"{init_env(ROOT)}\n")
