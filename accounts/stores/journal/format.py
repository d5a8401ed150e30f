"""The journal's format: a JSON object a line, each with a checksum of what it says.

    {"journal":"accounts","version":1}
    {"crc32":"8c736521","user":{"email":"user@example.com","password_hash":…}}
    {"crc32":"1f0e9c3a","session":{"email":"user@example.com","sid":…,"ended":true}}

A line says how one value is from then on, so the last line about it holds.
"""

import json
from collections.abc import Callable, Iterator
from typing import BinaryIO, Generic, TypeVar
from zlib import crc32

from accounts.domain.errors import StartupError
from accounts.domain.users import EmailAddress, User
from accounts.stores.memory import Record
from accounts.stores.serialization import (
    dump,
    session_from_dict,
    session_to_dict,
    user_from_dict,
    user_to_dict,
)

T = TypeVar("T")

HEADER = b'{"journal":"accounts","version":1}\n'

# The checksum covers what follows it; its place is fixed, so it is found without parsing.
CRC_START = len('{"crc32":"')
CRC_END = CRC_START + 8
BODY_START = CRC_END + len('",')


def encode(change: Record) -> bytes:
    """Return the line for a change."""
    if isinstance(change, User):
        record = {"user": user_to_dict(change)}
    else:
        email, session = change
        record = {"session": {"email": email, **session_to_dict(session)}}
    body = dump(record).encode()[1:]
    return b'{"crc32":"%08x",%s\n' % (crc32(body), body)


def check(line: bytes) -> str:
    """Return what a line says after its checksum. Raises `ValueError` where it is damaged."""
    body = line[BODY_START:].rstrip(b"\n")
    if line[:CRC_START] != b'{"crc32":"' or line[CRC_START:CRC_END] != b"%08x" % crc32(body):
        raise ValueError
    return body.decode()


def decode(line: bytes) -> Record:
    """Return the change that a line says. Raises `ValueError` or `KeyError` where it says none."""
    record = _decode("{" + check(line))
    if "user" in record:
        return user_from_dict(record["user"])
    session = record["session"]
    return EmailAddress(session["email"]), session_from_dict(session)


_decode = json.JSONDecoder().decode


class Reader(Generic[T]):
    """Reads a journal from its start, each line by `read`; `good_size` bytes of it are sound.

    `torn` tells of an incomplete last line: what a crash leaves of a change that was never
    answered.
    """

    def __init__(self, file: BinaryIO, name: str, read: Callable[[bytes], T]) -> None:
        self._file = file
        self._read = read
        self._name = name
        self.lines = 0
        self.good_size = 0
        self.torn = False

    def __iter__(self) -> Iterator[T]:
        """Yield every line. Raises `StartupError` where the file is damaged."""
        header = self._file.readline(len(HEADER))
        if header and header != HEADER:
            raise self._damaged(1, "does not say that this is a journal of this service")
        self.good_size = len(header)
        for line in self._file:
            try:
                said = self._read(line)
            except (ValueError, KeyError, TypeError) as error:
                if not self._is_torn(line):
                    raise self._damaged(self.lines + 2, "is damaged") from error
                self.torn = True
                return
            if not line.endswith(b"\n"):
                self.torn = True
                return
            self.lines += 1
            self.good_size += len(line)
            yield said

    def _is_torn(self, line: bytes) -> bool:
        # A file system may have made room for a line that it never filled: zeros, at the end.
        # A complete last line of anything else may have been answered: that is damage.
        return not line.endswith(b"\n") or (b"\0" in line and not self._file.read(1))

    def _damaged(self, line: int, how: str) -> StartupError:
        return StartupError(
            f"{self._name} line {line} {how}; nothing was changed. Restore the file from a "
            "backup, or mend or remove that line in a copy of it."
        )
