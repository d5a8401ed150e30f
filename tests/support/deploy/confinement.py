"""`python confinement.py OPTIONS command…`: runs a command with the rights of a unit or container.

No systemd and no container engine is needed. Landlock replaces their read-only mounts; the other
restrictions are the same system calls. OPTIONS is JSON. Linux only.
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

CONTAINER_USER = 10_001  # the user of the Containerfile, who owns no file of this machine
READ_ALL = 2  # CAP_DAC_READ_SEARCH: the project may be in a folder that only root can read
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
    # Only root could raise the limit above the machine's.
    files = min(options.get("files", 1_024), resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    drop_privileges()
    check_result(libc.prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    restrict_writes(options["writable"])
    if options.get("no_writable_code"):
        check_result(libc.prctl(SET_MDWE, 1, 0, 0, 0))
    if "system_calls" in options:
        filter_system_calls(options["system_calls"], options["families"])
    os.execv(command[0], command)


def drop_privileges() -> None:
    """Give up root and its capabilities. Other users have none."""
    if os.getuid() != 0:
        return
    check_result(libc.prctl(SET_KEEPCAPS, 1, 0, 0, 0))
    for capability in set(range(LAST_CAPABILITY)) - {READ_ALL}:
        libc.prctl(CAPBSET_DROP, capability, 0, 0, 0)  # fails above the kernel's last capability
    os.setgroups([])
    os.setgid(CONTAINER_USER)
    os.setuid(CONTAINER_USER)
    header = (c_uint32 * 2)(0x20080522, 0)
    sets = (c_uint32 * 6)(*[1 << READ_ALL] * 3, 0, 0, 0)
    check_result(libc.capset(header, sets))
    check_result(libc.prctl(CAP_AMBIENT, 2, READ_ALL, 0, 0))


def restrict_writes(paths: list[str]) -> None:
    handled = c_uint64(WRITING)
    ruleset = check_result(libc.syscall(CREATE_RULESET, byref(handled), 8, 0))
    for path in paths:
        allowed = WRITING if Path(path).is_dir() else WRITE_FILE | TRUNCATE
        rule = PathBeneath(allowed, os.open(path, os.O_PATH))
        check_result(libc.syscall(ADD_RULE, ruleset, 1, byref(rule), 0))
    check_result(libc.syscall(RESTRICT_SELF, ruleset, 0))


def filter_system_calls(names: list[str], families: list[int]) -> None:
    """Allow only these system calls, only sockets of these families, and no new namespaces."""
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = c_void_p
    seccomp.seccomp_load.argtypes = [c_void_p]
    add = seccomp.seccomp_rule_add_array
    add.argtypes = [c_void_p, c_uint32, c_int, c_uint, POINTER(Comparison)]
    rules = seccomp.seccomp_init(ERRNO | errno.EPERM)

    def allow(name: str, *comparisons: Comparison) -> None:
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # negative: not of this architecture
            array = (Comparison * len(comparisons))(*comparisons)
            found = add(rules, ALLOW, number, len(comparisons), array)
            check_result(found, -found)

    for name in set(names) - {"socket", "clone", "clone3", "unshare", "setns", "mprotect"}:
        allow(name)
    # MemoryDenyWriteExecute before systemd 254: memory never becomes executable.
    allow("mprotect", Comparison(2, MASKED_EQUAL, mmap.PROT_EXEC, 0))
    for family in families:
        allow("socket", Comparison(0, EQUAL, family, 0))
    allow("clone", Comparison(0, MASKED_EQUAL, NEW_NAMESPACES, 0))
    # A filter cannot read its flags, which are in memory. systemd returns ENOSYS, too.
    clone3 = seccomp.seccomp_syscall_resolve_name(b"clone3")
    check_result(add(rules, ERRNO | errno.ENOSYS, clone3, 0, None))
    check_result(seccomp.seccomp_load(rules))


def check_result(result: int, error: int | None = None) -> int:
    if result < 0:
        number = ctypes.get_errno() if error is None else error
        raise OSError(number, os.strerror(number))
    return result


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2:])
