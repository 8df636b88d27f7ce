"""What a hostile notebook would try against its box, as cells of a notebook. Each leaves in `found` what it got hold of, and leaves it empty if nothing.

What it looks for stands outside, in a `Bait` (see doctor.py); the cells know where to look, and never what is written there.
"""

from dataclasses import dataclass

KERNEL = "import ctypes, os, platform\nkernel, found = ctypes.CDLL(None, use_errno=True), []\n"
CALLS = {"x86_64": {"bpf": 321, "keyctl": 250, "io_uring_setup": 425, "clone": 56}, "aarch64": {"bpf": 280, "keyctl": 219, "io_uring_setup": 425, "clone": 220}}


@dataclass(frozen=True)
class Probe:
    """One try. `promise` is what the level promises; `ends` are the statuses by which a box may end because of it, and then has held.

    In `source`, words behind a $ are the names and numbers of the bait. `proof` names the fact outside, one of doctor.py's, that shows an escape beside
    `found`.
    """

    name: str
    promise: str
    source: str
    proof: str = ""
    ends: tuple[str, ...] = ()
    promised: bool = True


def reading(paths: str) -> str:
    """A cell that reads what it can of some files, given as an expression for a list of paths."""
    return f"import glob, os\nfound = []\nfor path in {paths}:\n    try: found.append(open(path, errors='replace').read(200) or path)\n    except OSError: pass"


def opening(paths: str) -> str:
    """A cell that opens files for writing, and writes nothing."""
    return f"import glob\nfound = []\nfor path in {paths}:\n    try: open(path, 'ab').close(); found.append(path)\n    except OSError: pass"


def sending(family: str, kind: str, address: str, words: str) -> str:
    """A cell that sends something to an address."""
    return f"""import socket
found = []
try:
    line = socket.socket(socket.{family}, socket.{kind})
    line.settimeout(2)
    line.connect({address})
    line.send({words})
except OSError: pass"""


def searching(file: str, word: str) -> str:
    """A cell that looks for a word in what the kernel tells of all processes."""
    return f"""import glob
found = []
for path in glob.glob('/proc/[0-9]*/{file}'):
    try: text = open(path, errors='replace').read()
    except OSError: continue
    if '{word}' in text: found.append(text[:5000])"""


FILL = """import os, shutil, tempfile
found = []
for place in ('/tmp', '/box', '/dev/shm', '/dev', '/'):
    try: folder = tempfile.mkdtemp(dir=place)
    except OSError: continue
    size = max($disk, 64 * 2**20 * (place == '/dev/shm')) + 8 * 2**20
    try:
        for number in range(size // 2**22):
            with open(f'{folder}/{number}', 'wb') as file: file.write(bytes(2**22))
        found.append(place)
    except OSError: pass
    shutil.rmtree(folder)"""
KEYS = """number = kernel.syscall($keyctl, 10, -3, b'user', b'$word', 0)
text = ctypes.create_string_buffer(64)
if number > 0 and kernel.syscall($keyctl, 11, number, text, 64) > 0: found.append(text.value.decode(errors='replace'))"""
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
    subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(20)', '$word'], start_new_session=True)
    os._exit(0)
os.wait()"""
FORGE = """import os
found = []
for number in range(3, 20):
    try: os.write(number, b'{"id": "forged", "error": null}\\n{"id": "forged", "value": {"map": [["found", "forged"]]}}\\n')
    except OSError: pass"""
USER = """if os.fork() == 0:
    try: os.setgid($user); os.setuid($user)
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
    try: resource.setrlimit(getattr(resource, name), (resource.RLIM_INFINITY, resource.RLIM_INFINITY)); found.append(name)
    except (ValueError, OSError): pass"""
RAW = """import socket
found = []
for family, protocol in ((socket.AF_INET, socket.IPPROTO_ICMP), (socket.AF_PACKET, 0x300)):
    try: socket.socket(family, socket.SOCK_RAW, protocol).close(); found.append(str(family))
    except OSError: pass"""
SYSTEM = "[f'{place}/{name}' for place in ('/etc', '/root', '/home', '/var', '/run', '/mnt', '/boot', '/srv') for name in os.listdir(place)]"
SYSTEM_FILES = reading(SYSTEM.replace("os.listdir(place)", "(os.listdir(place) if os.path.isdir(place) else [])")).replace(" or path)", ")")
SETTINGS = "['/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger', *glob.glob('/sys/fs/cgroup/**/cgroup.procs', recursive=True)[:5]]"
DEVICES = """import os
found = []
for path in ('/dev/mem', '/dev/kmem', '/dev/kmsg', '/proc/kcore', '/proc/kmsg', '/dev/nvme0n1', '/dev/vda', '/dev/sda'):
    try: os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK)); found.append(path)
    except OSError: pass"""
UNSAFE = """for number in ($bpf, $io_uring_setup):
    got = kernel.syscall(number, 4 * (number == $io_uring_setup), ctypes.create_string_buffer(120), 72)
    if got >= 0 or ctypes.get_errno() not in (1, 38): found.append(number)"""
HOLD = """import time
held = b'x' * $too_much
time.sleep(1)
found = [len(held)]"""
RIGHTS = """found = []
for line in open('/proc/self/status'):
    name, _, value = line.partition(':')
    if name.startswith('Cap') and int(value, 16): found.append(line.strip())
    if name in ('NoNewPrivs', 'Seccomp') and value.strip() == '0': found.append(line.strip())"""
DESCRIPTORS = """import os
found, names = [], {number: os.readlink(f'/proc/self/fd/{number}') for number in range(256) if os.path.exists(f'/proc/self/fd/{number}')}
for number, name in names.items():
    if name != '/dev/null' and not name.startswith('pipe:'): found.append(name)
if len(set(names.values()) - {'/dev/null'}) > 2: found += names.values()"""

PROBES = (
    Probe("network", "no connection leaves it", sending("AF_INET", "SOCK_STREAM", "('127.0.0.1', $port)", "b'x'"),
          "connected"),
    Probe("name server", "no question to a name server leaves it",
          sending("AF_INET", "SOCK_DGRAM", "('127.0.0.1', $udp_port)", r"b'\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1'"), "asked"),
    Probe("abstract socket", "no service of the desktop hears it",
          sending("AF_UNIX", "SOCK_STREAM", r"'\0$word'", "b'x'"), "heard"),
    Probe("home", "the home folder is not there", reading("['$home']"), "read"),
    Probe("course", "the course's folder and other submissions are not there", reading("['$course']"), "read"),
    Probe("temporary files", "other programs' temporary files are not there", reading("['$temporary']"), "read"),
    Probe("right answers", "the judge and its answers are not there", reading("glob.glob('$grading/labs/**/*.py', recursive=True) + ['$grading/exercise.py']")),
    Probe("system files", "no account and no setting of the system is there", SYSTEM_FILES),
    Probe("environment", "no variable of the grader is there", searching("environ", "$variable"), "read"),
    Probe("processes", "no other process is seen", searching("cmdline", "$word")),
    Probe("signals", "no other process is ended", "import os\nfound = []\ntry: os.kill($victim, 9)\nexcept OSError: pass", "killed"),
    Probe("debugging", "no other process is read or changed",
          KERNEL + "if kernel.ptrace(16, $victim, None, None) == 0: found.append('attached')", "traced"),
    Probe("keys", "no key that the grader's session keeps is read", KERNEL + KEYS, "read"),
    Probe("system", "nothing of the system, the packages or the harness is changed",
          opening("['/$word', '/usr/$word', '$package', '$grading/exercise.py', '$python', '/grader/serve.py', '/grader/wire.py']"), "written"),
    Probe("kernel's settings", "no setting of the kernel is changed", opening(SETTINGS)),
    Probe("memory of the machine", "no memory and no disk of the machine is opened", DEVICES),
    Probe("rights", "it has no right of root's, and cannot get one", RIGHTS),
    Probe("descriptors", "nothing but its own pipes is open", DESCRIPTORS),
    Probe("user namespace", "no namespace is made in which it would be root", KERNEL + NAMESPACE),
    Probe("mount", "nothing is mounted", KERNEL + MOUNT),
    Probe("another user", "it stays the user that it is", KERNEL + USER),
    Probe("raw packets", "no packet is made by hand", RAW),
    Probe("calls", "calls with a long history of faults are refused", KERNEL + UNSAFE),
    Probe("limits", "its limits cannot be raised", LIMITS),
    Probe("disk", "it writes no more than its share", FILL),
    Probe("memory", "it holds no more than its share", HOLD, "", ("resource limit", "crash")),
    Probe("forks", "it runs no more processes than its share", FORK, "", ("resource limit",)),
    Probe("clock", "it stops when its time is over", "import time\nfound = []\ntime.sleep($too_long)\nfound = ['time']", "", ("timeout",)),
    Probe("what is left", "nothing runs on when it is closed", LEAVE, "left"),
    Probe("forged answer", "nothing but the server's own answer is taken", FORGE, "", ("invalid",)),
    Probe("kernel's version", "it cannot learn on what it runs", "import platform\nfound = [platform.release()]", promised=False),
)  # fmt: skip
