"""Runs docs/examples/client.js in Node, without what only browsers have."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.support.processes import ROOT, START_SECONDS
from tests.support.system_programs import find_program

EXAMPLES = ROOT / "docs" / "examples"

# As in React Native. Later versions of Node have a `localStorage`.
PRELUDE = """
for (const name of ["location", "localStorage", "sessionStorage"]) delete globalThis[name];
const { ApiError, AuthClient, SessionEnded } = await import("./client.js");

const PROFILE = "/api/v1/protected/profile";
const given = JSON.parse(process.argv[2]);
const newStorage = (tokens = null) => ({
  tokens,
  load() { return this.tokens; },
  save(tokens) { this.tokens = tokens; },
});
// What a caller of the client sees.
const outcome = async (promise) => {
  try {
    const value = await promise;
    return value instanceof Response ? { status: value.status, ...(await value.json()) } : value;
  } catch (error) {
    const { name, message } = error;
    return { error: name, message, known: error instanceof ApiError, ...error };
  }
};
const report = (value) => console.log(JSON.stringify(value));
"""


def run_script(folder: Path, script: str, **given: Any) -> Any:
    """Run a script after the prelude. Return what it reports; `given` is the script's `given`."""
    for name in ("client.js", "client.d.ts"):
        shutil.copy(EXAMPLES / name, folder / name)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "script.js").write_text(PRELUDE + script)
    run = subprocess.run(
        [find_program("node"), "script.js", json.dumps(given)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)
