"""Python 3.14, which Debian does not have yet: as WebAssembly, from npm."""

import json
from importlib.util import find_spec
from pathlib import Path

from tests.support.npx import run_npx
from tests.support.processes import ROOT
from tests.support.python_3_14 import PAGES

PYODIDE = "pyodide@314.0.7"
SCRIPT = """
const programs = process.env.PATH.split(":").find((one) => one.endsWith("node_modules/.bin"));
const { loadPyodide } = await import(programs.replace(".bin", "pyodide/pyodide.mjs"));
const python = await loadPyodide();
for (const [name, root] of [["/project", process.argv[2]], ["/packages", process.argv[3]]]) {
  python.FS.mkdir(name);
  python.FS.mount(python.FS.filesystems.NODEFS, { root }, name);
}
process.on("uncaughtException", (error) => {
  console.error(error.message); // without it, node prints the line of Pyodide, which is all of it
  process.exit(1);
});
console.log(await python.runPythonAsync(`
import sys
sys.dont_write_bytecode = True
sys.path[:0] = ["/project", "/packages"]
from tests.support.python_3_14 import main
main()
`));
"""


def test_requests_make_no_call_that_is_deprecated_in_3_14(tmp_path: Path) -> None:
    django = find_spec("django")
    assert django is not None
    assert django.origin is not None
    (tmp_path / "run.mjs").write_text(SCRIPT)
    packages = Path(django.origin).resolve().parents[1]
    run = run_npx(tmp_path, "node", "run.mjs", str(ROOT), str(packages), package=PYODIDE)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout.splitlines()[-1])
    assert found["version"] == [3, 14]
    assert found["files"] > 0
    assert found["statuses"] == [201, 200, 200, 204, 401, *[200] * len(PAGES)]
