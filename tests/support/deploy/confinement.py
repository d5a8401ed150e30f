"""`python confinement.py JSON command…`: run a command as confined as a unit or a container would.

No init and no container engine is needed: what they would set up by mounts is refused by Landlock,
and the rest is what they do themselves. It holds for this process and its children alone. Linux.
"""

import ctypes
import errno
import json
import mmap
import os
import resource
import sys
from ctypes import POINTER, Structure, byref, c_int, c_long, c_uint, c_uint32, c_uint64, c_void_p
from pathlib import Path
from typing import Any

NOBODY = 10_001  # as in the Containerfile: a user that no file of this machine belongs to
READ_ALL = 2  # CAP_DAC_READ_SEARCH: the project and the interpreter may lie in a folder of root's
LAST_CAPABILITY = 63

# linux/prctl.h
SET_KEEPCAPS, CAPBSET_DROP, SET_NO_NEW_PRIVS, CAP_AMBIENT, SET_MDWE = 8, 24, 38, 47, 65
# linux/landlock.h: writing, removing, making and moving, the same system calls everywhere.
WRITE_FILE, TRUNCATE = 1 << 1, 1 << 14
WRITING = WRITE_FILE | TRUNCATE | sum(1 << bit for bit in range(4, 14))
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
# seccomp.h
ALLOW, ERRNO, EQUAL, MASKED_EQUAL = 0x7FFF0000, 0x00050000, 4, 7
NEW_NAMESPACES = 0x7E020080  # every CLONE_NEW* of clone(2)

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = c_long


class PathBeneath(Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", c_uint64), ("parent_fd", c_int))


class Comparison(Structure):
    _fields_ = (("arg", c_uint), ("op", c_int), ("a", c_uint64), ("b", c_uint64))


def main(options: dict[str, Any], command: list[str]) -> None:
    os.umask(options.get("umask", 0o022))
    # Raising what the machine allows would take root's rights.
    files = min(options.get("files", 1_024), resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    become_nobody()
    checked(libc.prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    write_only_to(options["writable"])
    if options.get("no_writable_code"):
        checked(libc.prctl(SET_MDWE, 1, 0, 0, 0))
    if "system_calls" in options:
        filter_system_calls(options["system_calls"], options["families"])
    os.execv(command[0], command)  # the point of it


def become_nobody() -> None:
    """Give up root and its capabilities; whoever is not root has none to give up."""
    if os.getuid() != 0:
        return
    checked(libc.prctl(SET_KEEPCAPS, 1, 0, 0, 0))
    for capability in set(range(LAST_CAPABILITY)) - {READ_ALL}:
        libc.prctl(CAPBSET_DROP, capability, 0, 0, 0)  # fails past the kernel's last one
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    header = (c_uint32 * 2)(0x20080522, 0)
    sets = (c_uint32 * 6)(*[1 << READ_ALL] * 3, 0, 0, 0)
    checked(libc.capset(header, sets))
    checked(libc.prctl(CAP_AMBIENT, 2, READ_ALL, 0, 0))


def write_only_to(paths: list[str]) -> None:
    handled = c_uint64(WRITING)
    ruleset = checked(libc.syscall(CREATE_RULESET, byref(handled), 8, 0))
    for path in paths:
        allowed = WRITING if Path(path).is_dir() else WRITE_FILE | TRUNCATE
        rule = PathBeneath(allowed, os.open(path, os.O_PATH))
        checked(libc.syscall(ADD_RULE, ruleset, 1, byref(rule), 0))
    checked(libc.syscall(RESTRICT_SELF, ruleset, 0))


def filter_system_calls(names: list[str], families: list[int]) -> None:
    """Allow `names` alone, sockets of `families` alone, and no new namespace."""
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = c_void_p
    seccomp.seccomp_load.argtypes = [c_void_p]
    add = seccomp.seccomp_rule_add_array
    add.argtypes = [c_void_p, c_uint32, c_int, c_uint, POINTER(Comparison)]
    rules = seccomp.seccomp_init(ERRNO | errno.EPERM)

    def allow(name: str, *comparisons: Comparison) -> None:
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # another architecture's otherwise
            array = (Comparison * len(comparisons))(*comparisons)
            found = add(rules, ALLOW, number, len(comparisons), array)
            checked(found, -found)

    for name in set(names) - {"socket", "clone", "clone3", "unshare", "setns", "mprotect"}:
        allow(name)
    # MemoryDenyWriteExecute before systemd 254: what is mapped never becomes code.
    allow("mprotect", Comparison(2, MASKED_EQUAL, mmap.PROT_EXEC, 0))
    for family in families:
        allow("socket", Comparison(0, EQUAL, family, 0))
    allow("clone", Comparison(0, MASKED_EQUAL, NEW_NAMESPACES, 0))
    # Its flags are in memory, where no filter looks: systemd answers this too.
    clone3 = seccomp.seccomp_syscall_resolve_name(b"clone3")
    checked(add(rules, ERRNO | errno.ENOSYS, clone3, 0, None))
    checked(seccomp.seccomp_load(rules))


def checked(result: int, error: int | None = None) -> int:
    if result < 0:
        number = ctypes.get_errno() if error is None else error
        raise OSError(number, os.strerror(number))
    return result


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2:])
