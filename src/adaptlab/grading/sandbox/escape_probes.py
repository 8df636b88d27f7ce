"""Attacks on the sandbox, as notebook cells. Each stores what it reached in `found`, and leaves it
empty if it reached nothing.

The targets are outside, in a `Bait` (see self_check.py). The cells know where to look, but not the
secret that is stored there.
"""

from dataclasses import dataclass

KERNEL = "import ctypes, os, platform\nkernel, found = ctypes.CDLL(None, use_errno=True), []\n"
CALLS = {
    "x86_64": {"bpf": 321, "keyctl": 250, "io_uring_setup": 425, "clone": 56, "capget": 125},
    "aarch64": {"bpf": 280, "keyctl": 219, "io_uring_setup": 425, "clone": 220, "capget": 90},
}
APART = ("bwrap", "podman", "docker")  # levels with namespaces, and with files in memory
EVERY = (*APART, "landlock")


@dataclass(frozen=True)
class Probe:
    """One attack.

    `promise` is what `levels` guarantee. `ends` are the statuses with which the sandbox may end
    because of the attack; then it has held. In `source`, $names are replaced by values of the bait.
    `proof` names a fact outside, checked in self_check.py, that shows an escape in addition to
    `found`.
    """

    name: str
    promise: str
    source: str
    proof: str = ""
    ends: tuple[str, ...] = ()
    levels: tuple[str, ...] = EVERY


def reading(paths: str) -> str:
    """Return a cell that reads as many of some files as it can; `paths` is an expression for a list
    of paths.
    """
    return (
        f"import glob, os\nfound = []\nfor path in {paths}:\n    try: found.append(open(path,"
        " errors='replace').read(200) or path)\n    except OSError: pass"
    )


def opening(paths: str) -> str:
    """Return a cell that opens files for writing, and writes nothing."""
    return (
        f"import glob\nfound = []\nfor path in {paths}:\n    try: open(path, 'ab').close();"
        " found.append(path)\n    except OSError: pass"
    )


def sending(family: str, kind: str, address: str, words: str) -> str:
    """Return a cell that sends data to an address."""
    return f"""import socket
found = []
try:
    line = socket.socket(socket.{family}, socket.{kind})
    line.settimeout(2)
    line.connect({address})
    line.send({words})
except OSError: pass"""


def searching(file: str, word: str) -> str:
    """Return a cell that searches for a word in a /proc file of all processes."""
    return f"""import glob
found = []
for path in ['/proc/$victim/{file}', *glob.glob('/proc/[0-9]*/{file}')]:
    try: text = open(path, errors='replace').read()
    except OSError: continue
    if '{word}' in text: found.append(text[:5000])"""


FILL = """import os, shutil, tempfile, time
found = []
for place in ('/tmp', '/box', '/dev/shm', '/dev', '/', os.environ['HOME']):
    try: folder = tempfile.mkdtemp(dir=place)
    except OSError: continue
    size = max($disk, 64 * 2**20 * (place == '/dev/shm')) + 8 * 2**20
    try:
        for number in range(size // 2**22):
            with open(f'{folder}/{number}', 'wb') as file: file.write(bytes(2**22))
        time.sleep(1)
        found.append(place)
    except OSError: pass
    shutil.rmtree(folder)"""
# The grader sees open files without a name, but not those that are only mapped into memory.
UNNAMED = """import ctypes, tempfile, time
found, n_kept, libc = [], 0, ctypes.CDLL(None)
try:
    for number in range($disk // 2**22 + 2):
        with tempfile.TemporaryFile() as file:
            file.write(bytes(2**22))
            file.flush()
            size, at = ctypes.c_size_t(2**22), ctypes.c_long(0)
            n_kept += libc.mmap(None, size, 1, 1, file.fileno(), at) != -1
    time.sleep(1)
    found.append(n_kept)
except OSError: pass"""
UNSEEN = """import mmap, os, time
found, kept = [], []
def file():
    kept.append(os.memfd_create('unseen'))
    os.write(kept[-1], bytes(2**23))
def pages(number=-1):
    kept.append(mmap.mmap(number, 2**23))
    kept[-1].write(bytes(2**23))
    kept[-1].madvise(mmap.MADV_DONTNEED)
def zeros():
    number = os.open('/dev/zero', os.O_RDWR)
    try: pages(number)
    finally: os.close(number)
for hold in (file, pages, zeros):
    try:
        for number in range($too_much // 2**23): hold()
        time.sleep(1)
        found.append(hold.__name__)
    except OSError: pass
    for one in kept: os.close(one) if isinstance(one, int) else one.close()
    kept.clear()"""
CHANGE = """import os
for change in (lambda path: os.chmod(path, 0o777), lambda path: os.utime(path, (1, 1)),
               lambda path: os.setxattr(path, 'user.adaptlab', b'x')):
    for path in ('$home', '$course', '$temporary'):
        try: change(path)
        except OSError: pass
found = []"""
HINDER = """import os, resource
found = []
try: resource.prlimit($victim, resource.RLIMIT_CORE, (0, 0))
except OSError: pass
try: os.setpriority(os.PRIO_PROCESS, $victim, 19)
except OSError: pass"""
SHARED = """kernel.shmat.restype = ctypes.c_void_p
place = kernel.shmat($shared, None, 0o10000)
if place not in (None, 2**64 - 1): found.append(ctypes.string_at(place).decode(errors='replace'))"""
KEYS = """number = kernel.syscall($keyctl, 10, -3, b'user', b'$word', 0)
text = ctypes.create_string_buffer(64)
if number > 0 and kernel.syscall($keyctl, 11, number, text, 64) > 0:
    found.append(text.value.decode(errors='replace'))"""
FORK = """import os, time
found = []
try:
    for _ in range($more):
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
    time.sleep(2)
    found.append($more)
except OSError: pass"""
LEAVE = """import os, subprocess, sys
found = []
if os.fork() == 0:
    os.setsid()
    words = [sys.executable, '-c', 'import time; time.sleep(20)', '$word']
    subprocess.Popen(words, start_new_session=True)
    os._exit(0)
os.wait()"""
FORGE = """import os
found = []
said = b'forged {"error": null}\\n' + b'forged {"value": {"map": [["found", "forged"]]}}\\n'
for number in range(3, 20):
    try: os.write(number, said)
    except OSError: pass"""
USER = """other = 65533 if os.getuid() == 65534 else 65534
if os.fork() == 0:
    try: os.setgid(other); os.setuid(other)
    except OSError: os._exit(0)
    os._exit(1)
if os.wait()[1]: found.append('another user')"""
NAMESPACE = """child = kernel.syscall($clone, 0x10000000 | 17, 0, 0, 0, 0)
if child == 0: os._exit(0)
if child > 0: found.append('cloned')
if kernel.unshare(0x10000000) == 0: found.append('unshared')"""
MOUNT = """import tempfile
place = tempfile.mkdtemp().encode()
if kernel.mount(b'none', place, b'tmpfs', 0, None) == 0:
    found.append('mounted')
    kernel.umount2(place, 2)"""
LIMITS = """import resource
found = []
for name in ('RLIMIT_NPROC', 'RLIMIT_AS', 'RLIMIT_FSIZE'):
    most = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    try: resource.setrlimit(getattr(resource, name), most); found.append(name)
    except (ValueError, OSError): pass"""
RAW = """import socket
found = []
for family, protocol in ((socket.AF_INET, socket.IPPROTO_ICMP), (socket.AF_PACKET, 0x300)):
    try: socket.socket(family, socket.SOCK_RAW, protocol).close(); found.append(str(family))
    except OSError: pass"""
KNOWN = "'/etc/passwd', '/etc/shadow', '/etc/machine-id'"
SYSTEM = (
    f"[{KNOWN}, *(path for place in ('etc', 'root', 'home', 'var', 'run', 'mnt', 'boot', 'srv') for"
    " path in glob.glob(f'/{place}/*'))]"
)
# Files that an engine writes only for the container.
OWN = "('/etc/hosts', '/etc/hostname', '/etc/resolv.conf', '/etc/mtab')"
SYSTEM_FILES = reading(f"[path for path in {SYSTEM} if path not in {OWN}]").replace(
    " or path)", ")"
)
SETTINGS = (
    "['/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger',"
    " *glob.glob('/sys/fs/cgroup/**/cgroup.procs', recursive=True)[:5]]"
)
DEVICES = """import os
found = []
for path in ('/dev/mem', '/dev/kmem', '/dev/kmsg', '/proc/kcore', '/proc/kmsg',
             '/dev/nvme0n1', '/dev/vda', '/dev/sda'):
    try: os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK)); found.append(path)
    except OSError: pass"""
UNSAFE = """for number in ($bpf, $io_uring_setup):
    about = ctypes.create_string_buffer(120)
    got = kernel.syscall(number, 4 * (number == $io_uring_setup), about, 72)
    if got >= 0 or ctypes.get_errno() not in (1, 38): found.append(number)"""
HOLD = """import time
held = b'x' * $too_much
time.sleep(1)
found = [len(held)]"""
RIGHTS = """rights = (ctypes.c_uint32 * 6)()
kernel.syscall($capget, (ctypes.c_uint32 * 2)(0x20080522, 0), rights)
found += [f'capabilities {bits:x}' for bits in rights if bits]
is_root = os.getuid() == 0
held = [number for number in range(41) if is_root and kernel.prctl(23, number) == 1]
found += [f'capability {number} to be had' for number in held]
if kernel.prctl(39, 0, 0, 0, 0) != 1: found.append('new privileges')
if kernel.prctl(21, 0, 0, 0, 0) != 2: found.append('no filter')"""
DESCRIPTORS = """import os, stat
found, pipes = [], set()
for number in range(1024):
    try: what = os.fstat(number)
    except OSError: continue
    if stat.S_ISFIFO(what.st_mode): pipes.add(what.st_ino)
    elif what.st_rdev != os.makedev(1, 3): found.append(f'{number}: {what.st_mode:o}')
if len(pipes) > 2: found += sorted(pipes)"""

PROBES = (
    Probe(
        "network",
        "no connection leaves the sandbox",
        sending("AF_INET", "SOCK_STREAM", "('127.0.0.1', $port)", "b'x'"),
        "connected",
    ),
    Probe(
        "name server",
        "no DNS query leaves the sandbox",
        sending(
            "AF_INET",
            "SOCK_DGRAM",
            "('127.0.0.1', $udp_port)",
            r"b'\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1'",
        ),
        "asked",
    ),
    Probe(
        "abstract socket",
        "no desktop service can be reached",
        sending("AF_UNIX", "SOCK_STREAM", r"'\0$word'", "b'x'"),
        "heard",
    ),
    Probe(
        "named socket",
        "no service on a socket in the file system can be reached",
        sending("AF_UNIX", "SOCK_STREAM", "'$door'", "b'x'"),
        "called",
    ),
    Probe("home", "the home folder cannot be read", reading("['$home']"), "read"),
    Probe(
        "course",
        "the course folder and other submissions cannot be read",
        reading("['$course']"),
        "read",
    ),
    Probe(
        "temporary files",
        "other programs' temporary files cannot be read",
        reading("['$temporary']"),
        "read",
    ),
    Probe(
        "names",
        "files outside cannot be detected by name",
        "import os\nfound = [path for path in ('$home', '$course', '/proc/$victim') if"
        " os.path.exists(path)]",
        levels=APART,
    ),
    Probe("modes", "no mode, time or attribute of a file outside changes", CHANGE, "changed"),
    Probe(
        "right answers",
        "the judge and the reference answers cannot be read",
        reading("glob.glob('$grading/labs/**/*.py', recursive=True) + ['$grading/exercise.py']"),
    ),
    Probe("system files", "accounts and system settings cannot be read", SYSTEM_FILES),
    Probe(
        "environment",
        "the grader's environment variables cannot be read",
        searching("environ", "$variable"),
        "read",
    ),
    Probe("processes", "other processes are not visible", searching("cmdline", "$word")),
    Probe(
        "signals",
        "other processes cannot be killed",
        "import os\nfound = []\ntry: os.kill($victim, 9)\nexcept OSError: pass",
        "killed",
    ),
    Probe(
        "debugging",
        "other processes cannot be read or changed",
        KERNEL + "if kernel.ptrace(16, $victim, None, None) == 0: found.append('attached')",
        "traced",
    ),
    Probe("others' limits", "other processes cannot be slowed or limited", HINDER, "hindered"),
    Probe(
        "shared memory", "other processes' shared memory cannot be read", KERNEL + SHARED, "read"
    ),
    Probe("keys", "keys of the grader's session cannot be read", KERNEL + KEYS, "read"),
    Probe(
        "system",
        "the system, the packages and the harness cannot be changed",
        opening(
            "['/$word', '/usr/$word', '$package', '$grading/exercise.py', '$python',"
            " __import__('sys').argv[0]]"
        ),
        "written",
    ),
    Probe("kernel's settings", "kernel settings cannot be changed", opening(SETTINGS)),
    Probe("memory of the machine", "memory and disk devices cannot be opened", DEVICES),
    Probe("rights", "it has no root privileges and cannot get any", KERNEL + RIGHTS),
    Probe("descriptors", "only its own pipes are open", DESCRIPTORS),
    Probe("user namespace", "it cannot become root in a new namespace", KERNEL + NAMESPACE),
    Probe("mount", "nothing can be mounted", KERNEL + MOUNT),
    Probe("another user", "it cannot change its user", KERNEL + USER),
    Probe("raw packets", "it cannot send raw packets", RAW),
    Probe("calls", "system calls with a history of security bugs are blocked", KERNEL + UNSAFE),
    Probe("limits", "its limits cannot be raised", LIMITS),
    Probe("disk", "its disk space is limited", FILL, "", ("resource limit",)),
    Probe("unnamed files", "files without a name count, too", UNNAMED, levels=APART),
    Probe(
        "memory", "it cannot use more memory than its limit", HOLD, "", ("resource limit", "crash")
    ),
    Probe(
        "unseen memory",
        "memory that counts for no process is limited, too",
        UNSEEN,
        "",
        ("resource limit", "crash"),
    ),
    Probe("forks", "its number of processes is limited", FORK, "", ("resource limit",)),
    Probe(
        "clock",
        "it is stopped at the time limit",
        "import time\nfound = []\ntime.sleep($too_long)\nfound = ['time']",
        "",
        ("timeout",),
    ),
    Probe("what is left", "no process keeps running after it is closed", LEAVE, "left"),
    Probe("forged answer", "only the server's own answer is accepted", FORGE, "", ("invalid",)),
    Probe(
        "kernel's version",
        "the kernel version cannot be read",
        "import platform\nfound = [platform.release()]",
        levels=(),
    ),
)
