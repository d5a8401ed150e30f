"""Runs the sessions of docs/guides/use-the-shell.md with a store in memory."""

import doctest

import pytest

from tests.support.guides import read_code_blocks
from tests.support.http import Start


def test_shell_sessions_print_what_the_guide_shows(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    start()
    text = "\n".join(read_code_blocks("use-the-shell.md", "pycon")).replace("…", "...")
    session = doctest.DocTestParser().get_doctest(text, {}, "use-the-shell.md", None, 0)
    assert len(session.examples) > 20
    doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS).run(session)
    assert capsys.readouterr().out == ""
