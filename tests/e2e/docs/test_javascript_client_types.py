"""docs/examples/client.d.ts, checked by TypeScript's compiler."""

import re
import shutil
from pathlib import Path

from tests.support.node import EXAMPLES, run_script
from tests.support.npx import run_npx

TYPESCRIPT = "typescript@5.9.3"
OPTIONS = ("--noEmit", "--strict", "--target", "es2022", "--module", "nodenext")

USE = """
import { ApiError, AuthClient, SessionEnded, type Tokens, type TokenStorage } from "./client.js";

let kept: string | null = null;
const storage: TokenStorage = {
  load: async () => (kept ? JSON.parse(kept) : null),
  save: (tokens: Tokens | null) => { kept = JSON.stringify(tokens); },
};

export async function use(): Promise<string> {
  const client = new AuthClient("http://127.0.0.1:8000", { storage, fetch: globalThis.fetch });
  try {
    const { email } = await client.register("ada@example.com", "correct horse battery");
    await client.login(email, "correct horse battery", { rememberMe: false });
    if (await client.restore()) await client.changePassword("old", "new");
    const response: Response = await client.fetch("/api/v1/protected/profile", { method: "GET" });
    await client.logout();
    await new AuthClient("http://127.0.0.1:8000", { cookie: true }).restore();
    return response.statusText;
  } catch (error) {
    if (error instanceof SessionEnded) return error.code.toUpperCase();
    if (error instanceof ApiError) return error.errors.email?.[0]?.detail ?? error.request_id ?? "";
    throw error;
  }
}
"""
WRONG_USES = {
    "no base URL": "new AuthClient()",
    "an object for an e-mail": 'client.login({ email: "a" }, "b")',
    "a storage without save": 'new AuthClient("http://a", { storage: { load: () => null } })',
    "a change of the status": "(error: ApiError) => { error.status = 1; }",
}


def compile_typescript(folder: Path, text: str) -> str:
    """Check a module that imports the client. Return the compiler's errors."""
    for name in ("client.js", "client.d.ts"):
        shutil.copy(EXAMPLES / name, folder / name)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "use.ts").write_text(text)
    return run_npx(folder, "tsc", *OPTIONS, "use.ts", package=TYPESCRIPT).stdout


def test_types_accept_the_use_of_every_method(tmp_path: Path) -> None:
    assert compile_typescript(tmp_path, USE) == ""


def test_types_reject_wrong_uses(tmp_path: Path) -> None:
    imports = 'import { ApiError, AuthClient } from "./client.js";\nlet client!: AuthClient;\n'
    lines = [f"void ({use});" for use in WRONG_USES.values()]
    errors = compile_typescript(tmp_path, imports + "\n".join(lines))
    found = {int(line) - 3 for line in re.findall(r"^use\.ts\((\d+),", errors, re.MULTILINE)}
    assert [name for line, name in enumerate(WRONG_USES) if line not in found] == []


def test_types_declare_every_method(tmp_path: Path) -> None:
    types = (EXAMPLES / "client.d.ts").read_text(encoding="utf-8")
    _, _, client = types.partition("export class AuthClient {")
    script = "report(Object.getOwnPropertyNames(AuthClient.prototype));"
    assert re.findall(r"^  (\w+)\(", client, re.MULTILINE) == run_script(tmp_path, script)
