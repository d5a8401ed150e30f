"""The journal's format: JSON lines, each with a checksum.

    {"journal":"accounts","version":1}
    {"crc32":"8c736521","user":{"email":"user@example.com","password_hash":…}}
    {"crc32":"1f0e9c3a","session":{"email":"user@example.com","sid":…,"ended":true}}
    {"crc32":"5d2c1b80","deleted":{"email":"user@example.com"}}

Each line has the complete new state of one user or session, or the deletion of a user. The last
line about a user or a session counts.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

import orjson

from accounts.domain.errors import StartupError
from accounts.domain.sessions import Session
from accounts.domain.users import EmailAddress, User
from accounts.stores.memory import DeletedUser, Record
from accounts.stores.serialization import from_dict, to_dict

HEADER = b'{"journal":"accounts","version":1}\n'

# Every line starts with its checksum. The body is what it covers: all after the comma.
CHECKSUM_END = len('{"crc32":"8c736521"')
BODY_START = CHECKSUM_END + 1


def encode(record: Record) -> bytes:
    """Return the line for a record."""
    if isinstance(record, User):
        fields = {"user": to_dict(record)}
    elif isinstance(record, DeletedUser):
        fields = {"deleted": {"email": record.email}}
    else:
        email, session = record
        fields = {"session": {"email": email, **to_dict(session)}}
    body = orjson.dumps(fields)[1:]
    return b"%s,%s\n" % (_build_checksum(body), body)


def decode(line: bytes) -> Record:
    """Return the record of a line. Raises `ValueError`, `KeyError` or `TypeError` for damage."""
    if line[:CHECKSUM_END] != _build_checksum(line[BODY_START:-1]):
        raise ValueError
    fields = orjson.loads(line)
    if "user" in fields:
        return from_dict(User, fields["user"])
    if "deleted" in fields:
        return DeletedUser(EmailAddress(fields["deleted"]["email"]))
    session = fields["session"]
    return EmailAddress(session["email"]), from_dict(Session, session)


def _build_checksum(body: bytes) -> bytes:
    return b'{"crc32":"%08x"' % crc32(body)


class JournalReader:
    """Iterates over the records of a journal and checks every line.

    `valid_size` is the number of bytes up to the end of the last complete line.
    `torn` means that an incomplete line follows: a crash interrupted a write, and no client got
    a response to that change.
    """

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self.line_count = 0
        self.valid_size = 0
        self.torn = False

    def __iter__(self) -> Iterator[Record]:
        """Raises `StartupError` if the file is damaged."""
        header = self._file.readline(len(HEADER))
        if header and header != HEADER:
            raise self._damage_error(1, "does not say that this is a journal of this service")
        self.valid_size = len(header)
        for line in self._file:
            try:
                record = decode(line)
            except (ValueError, KeyError, TypeError) as error:
                if not self._is_torn(line):
                    raise self._damage_error(self.line_count + 2, "is damaged") from error
                self.torn = True
                return
            self.line_count += 1
            self.valid_size += len(line)
            yield record

    def _is_torn(self, line: bytes) -> bool:
        # Without a line break, the write was cut short. With zeros at the end of the file, the
        # file system had reserved space and never filled it. A client may have got a response to
        # any other last line, so that is damage.
        return not line.endswith(b"\n") or (b"\0" in line and not any(self._file))

    def _damage_error(self, line: int, problem: str) -> StartupError:
        return StartupError(
            f"{self._path} line {line} {problem}; nothing was changed. Restore the file from a "
            "backup, or mend or remove that line in a copy of it."
        )
