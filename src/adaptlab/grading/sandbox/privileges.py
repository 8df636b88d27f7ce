"""Drop all privileges permanently, before a process runs student code."""

import contextlib
import ctypes
import os
import resource

DROP_BOUND = 24
NO_NEW_PRIVILEGES = 38
SECCOMP = 22
FILTER = 2
AMBIENT = 47
CLEAR_ALL = 4  # options of prctl
CAPSET = {"x86_64": 126, "aarch64": 91}
kernel = ctypes.CDLL(None, use_errno=True)


class Program(ctypes.Structure):
    """A seccomp filter in the form that the kernel expects."""

    _fields_ = [("n", ctypes.c_ushort), ("steps", ctypes.c_char_p)]


def must(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def drop_privileges(limits: dict[str, int], calls: bytes) -> None:
    """Drop every capability permanently, and set the limits and the seccomp filter."""
    for name, size in limits.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name.upper()}"), (size, size))
    must(kernel.prctl(AMBIENT, CLEAR_ALL, 0, 0, 0))
    with contextlib.suppress(OSError):  # ends at the first number that is not a capability
        for capability in range(64):
            must(kernel.prctl(DROP_BOUND, capability, 0, 0, 0))
    must(kernel.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    must(
        kernel.syscall(
            CAPSET[os.uname().machine],
            (ctypes.c_uint32 * 2)(0x20080522, 0),
            (ctypes.c_uint32 * 6)(),
        )
    )
    must(kernel.prctl(SECCOMP, FILTER, ctypes.byref(Program(len(calls) // 8, calls)), 0, 0))
