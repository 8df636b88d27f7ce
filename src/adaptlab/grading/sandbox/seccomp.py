"""The seccomp filter: the system calls that no process in a sandbox may make."""

import errno
import platform
import struct
from typing import Any

MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # their AUDIT_ARCH values
LOAD = 0x20
MASK = 0x54
EQUAL = 0x15
ABOVE = 0x35
# BPF instructions: load a word of the call's data; bitwise and; jump if equal; jump if greater or
# equal; return the verdict.
RETURN = 0x06
ALLOW = 0x7FFF0000
# The low bits hold the error number. With 0 the call is skipped and seems to succeed.
FAIL = 0x00050000
NUMBER = 0
ARCHITECTURE = 4
ARGUMENTS = 16  # byte offsets in the kernel's seccomp_data

# Numbers of system calls on x86_64 and aarch64. No notebook needs these. They give access to
# inherited keys, other processes' memory, mounts and namespaces, the kernel's log, kernel features
# with a history of security bugs (bpf, io_uring, userfaultfd, perf), and memory that counts for no
# process.
REFUSED = {
    "ptrace": (101, 117),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "mount": (165, 40),
    "umount2": (166, 39),
    "kexec_load": (246, 104),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "unshare": (272, 97),
    "perf_event_open": (298, 241),
    "open_by_handle_at": (304, 265),
    "setns": (308, 268),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "finit_module": (313, 273),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "mount_setattr": (442, 442),
    "syslog": (103, 116),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    # Kernel memory that counts for no process, and watches, whose number is limited for each user
    # on the whole machine.
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "io_setup": (206, 0),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
}

# What namespaces isolate, and Landlock does not. Sockets: those in the file system may lead to
# services that run commands. Resources that all processes of a user share: semaphores, messages,
# priorities. The owners of files.
APART = {
    "socket": (41, 198),
    "connect": (42, 203),
    "bind": (49, 200),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semop": (65, 193),
    "semctl": (66, 191),
    "semtimedop": (220, 192),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_unlink": (241, 181),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "file_setattr": (469, 469),
}

# Landlock does not restrict changes to modes and times, even for files that a process may not read.
# Copying a file sets them, too, so these calls do nothing and seem to succeed.
PRETENDED = {
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
}
ATTRIBUTES = {
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "getxattr": (191, 8),
    "lgetxattr": (192, 9),
    "fgetxattr": (193, 10),
    "listxattr": (194, 11),
    "llistxattr": (195, 12),
    "flistxattr": (196, 13),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "setxattrat": (463, 463),
    "getxattrat": (464, 464),
    "listxattrat": (465, 465),
    "removexattrat": (466, 466),
}
NEW = {"clone3": (435, 435)}  # a filter cannot see its flags; without it, libc calls clone

# Calls that are allowed only for some values of an argument: the argument's index, a mask of its
# bits, and the allowed values.
SHARED = 0x01
NO_FILE = 0x20
# Shared anonymous memory stays after madvise(MADV_DONTNEED), but then counts for no process.
PRIVATE: dict[str, Any] = {
    "mmap": ((9, 222), errno.EPERM, [(3, SHARED | NO_FILE, (0, SHARED, NO_FILE))])
}
NAMESPACES = 0x7E020000
STREAM = 1
SELF = [(0, 0xFFFFFFFF, (0,))]  # pid 0: the calling process
ONLY: dict[str, Any] = {
    "clone": ((56, 220), errno.EPERM, [(0, NAMESPACES, (0,))]),
    # Only AF_UNIX streams: datagram sockets can be connected to a name later.
    "socketpair": ((53, 199), errno.EPERM, [(0, 0xFFFFFFFF, (1,)), (1, 0xF, (STREAM,))]),
    "prlimit64": ((302, 261), errno.EPERM, SELF),
    "sched_setaffinity": ((203, 122), errno.EPERM, SELF),
    "sched_setscheduler": ((144, 119), errno.EPERM, SELF),
    "sched_setparam": ((142, 118), errno.EPERM, SELF),
    "sched_setattr": ((314, 274), errno.EPERM, SELF),
    # Commands without signals and notifications: duplicates, flags, locks, the size of a pipe.
    "fcntl": (
        (72, 25),
        errno.EPERM,
        [(1, 0xFFFFFFFF, (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1031, 1032))],
    ),
    # Terminal check and size, waiting bytes, and descriptor flags. Other requests can change files
    # that are open for reading only.
    "ioctl": (
        (16, 29),
        errno.ENOTTY,
        [(1, 0xFFFFFFFF, (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451))],
    ),
}


def system_calls(apart: bool = True) -> bytes:
    """Return the seccomp filter as a BPF program. On an unknown machine it allows everything.

    `apart`: namespaces already isolate the sandbox, so that fewer calls need to be blocked.
    """
    machine = platform.machine()
    if machine not in MACHINES:
        return _packed([(RETURN, 0, 0, ALLOW)])
    column = list(MACHINES).index(machine)
    refused = FAIL | errno.EPERM
    steps = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, MACHINES[machine]),
        (RETURN, 0, 0, refused),
        (LOAD, 0, 0, NUMBER),
    ]
    # From this number on, x86_64 repeats its calls for the x32 ABI.
    steps += [(ABOVE, 0, 1, 0x40000000), (RETURN, 0, 0, refused)]
    limited: Any = PRIVATE if apart else PRIVATE | ONLY
    for numbers, error, conditions in limited.values():
        steps += _if_called(
            numbers[column],
            [
                step
                for argument, mask, values in conditions
                for step in _unless(argument, mask, values, FAIL | error)
            ]
            + [(RETURN, 0, 0, ALLOW)],
        )
    more: list[Any] = (
        []
        if apart
        else [
            (APART, errno.EPERM),
            (ATTRIBUTES, errno.ENOTSUP),
            (NEW, errno.ENOSYS),
            (PRETENDED, 0),
        ]
    )
    for calls, error in [(REFUSED, errno.EPERM), *more]:
        for numbers in calls.values():
            steps += _if_called(numbers[column], [(RETURN, 0, 0, FAIL | error)])
    return _packed([*steps, (RETURN, 0, 0, ALLOW)])


def _if_called(number: int | None, steps: list[tuple]) -> list[tuple]:
    """Return the steps for one call, which end with a verdict; empty if the machine does not have
    the call.
    """
    return [] if number is None else [(EQUAL, 0, len(steps), number), *steps]


def _unless(argument: int, mask: int, values: tuple[int, ...], verdict: int) -> list[tuple]:
    """Return steps with a verdict, unless the masked argument has one of the values. The kernel
    reads only the low half of each of these arguments.
    """
    found = [(EQUAL, len(values) - i, 0, value) for i, value in enumerate(values)]
    return [
        (LOAD, 0, 0, ARGUMENTS + 8 * argument),
        (MASK, 0, 0, mask),
        *found,
        (RETURN, 0, 0, verdict),
    ]


def _packed(steps: list[tuple]) -> bytes:
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
