import asyncio
import logging
import os
from collections.abc import Iterator
from select import PIPE_BUF
from threading import Thread
from typing import TextIO

import pytest

from authproject.monitoring.handlers import BatchingStreamHandler

TIMEOUT_SECONDS = 10


class Pipe:
    """A handler that writes to a pipe."""

    def __init__(self) -> None:
        self.reader, writer = os.pipe()
        os.set_blocking(self.reader, False)
        # As standard error is.
        self.stream: TextIO = os.fdopen(writer, "w", buffering=1)
        self.handler = BatchingStreamHandler()
        self.handler.setStream(self.stream)
        self.log = logging.Logger("test")  # noqa: LOG001  # with no other handler
        self.log.addHandler(self.handler)

    def read(self) -> str:
        """Return what was written since the last call, up to 64 KiB."""
        try:
            return os.read(self.reader, 2**16).decode()
        except BlockingIOError:
            return ""

    async def wait(self) -> str:
        """Wait until something is written, and return it."""
        loop, readable = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self.reader, readable.set)
        await asyncio.wait_for(readable.wait(), TIMEOUT_SECONDS)
        loop.remove_reader(self.reader)
        return self.read()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    if not pipe.stream.closed:
        pipe.stream.close()
    os.close(pipe.reader)


def test_lines_of_event_loop_are_written_together(pipe: Pipe) -> None:
    async def log() -> str:
        pipe.log.info("one")
        pipe.log.info("two")
        assert pipe.read() == ""
        return await pipe.wait()

    assert asyncio.run(log()) == "one\ntwo\n"


def test_lines_after_a_batch_are_written_too(pipe: Pipe) -> None:
    async def log() -> list[str]:
        batches = []
        for line in ("one", "two"):
            pipe.log.info(line)
            batches.append(await pipe.wait())
        return batches

    assert asyncio.run(log()) == ["one\n", "two\n"]


def test_warning_is_written_at_once_after_waiting_lines(pipe: Pipe) -> None:
    async def log() -> str:
        pipe.log.info("one")
        pipe.log.warning("two")
        return pipe.read()

    assert asyncio.run(log()) == "one\ntwo\n"


def test_line_without_event_loop_is_written_at_once(pipe: Pipe) -> None:
    pipe.log.info("one")
    assert pipe.read() == "one\n"


def test_line_of_thread_is_written_at_once_after_waiting_lines(pipe: Pipe) -> None:
    async def log() -> str:
        pipe.log.info("one")
        thread = Thread(target=pipe.log.info, args=["two"])
        thread.start()
        thread.join()
        return pipe.read()

    assert asyncio.run(log()) == "one\ntwo\n"


def test_waiting_lines_never_exceed_one_write_to_a_pipe(pipe: Pipe) -> None:
    line = "a" * (PIPE_BUF // 2 - 1)

    async def log() -> list[str]:
        written = []
        for _ in range(4):
            pipe.log.info(line)
            written.append(pipe.read())
        return written

    assert asyncio.run(log()) == ["", "", f"{line}\n{line}\n", ""]


def test_waiting_lines_are_written_when_logging_shuts_down(pipe: Pipe) -> None:
    async def log() -> str:
        pipe.log.info("one")
        pipe.handler.flush()
        return pipe.read()

    assert asyncio.run(log()) == "one\n"


def test_closed_stream_does_not_stop_event_loop(pipe: Pipe) -> None:
    errors = []

    async def log() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: errors.append(context))
        pipe.log.info("one")
        pipe.stream.close()
        while pipe.handler._flush_is_scheduled:  # nothing else shows it
            await asyncio.sleep(0)

    asyncio.run(log())
    assert errors == []


def test_record_that_cannot_be_formatted_does_not_raise(
    pipe: Pipe, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe.log.info("%d", "no number")
    assert "Logging error" in capsys.readouterr().err
