"""Becomes another program: one that never outlives its starter, and never runs as root where it must not.

    python -I -S launch.py --parent PID --death-signal N [--uid N --gid N --reach PATH ...] -- COMMAND ...

Python code between fork and exec is not safe in a process with threads, so these last steps before a program starts are
a small program of their own. It needs only the standard library and runs for some 30 ms.

*Dying with the parent.* The kernel sends ``--death-signal`` when the starter ends, however it ends. The kernel forgets
that request when a process changes its user, so it is made after that; and the starter may have ended before it was
made, so we look afterwards whether it is still there.

*Another user.* PostgreSQL refuses to run as root, so root becomes another user first (``account.py`` chooses). That
user may be unable to get at the data folder or at PostgreSQL's own files, because a folder above them is closed to it:
``/root``, or a temporary folder of mode 0700. We never open somebody's folder for that. Instead the program keeps one
capability through the change of user: CAP_DAC_READ_SEARCH, which passes closed folders and reads closed files. It is
CAP_DAC_OVERRIDE where the first is not ours to keep, as in most containers, and where it would not do, because only its
owner may run the program, as a strict umask leaves it. It is kept only if the program or one of the ``--reach`` paths
really is out of reach, and everything else that root may do is given up either way.
"""

import argparse
import ctypes
import os
import signal
import stat
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

# From <sys/prctl.h> and <linux/capability.h>; the standard library has names for none of them.
PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAPABILITY_VERSION_3 = 0x20080522
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
CAP_SETPCAP = 8
CAPABILITIES = (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE)  # The narrower one first.

libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Do what the arguments say, then become the command."""
    arguments = parse()
    # Python ignores this signal, and ignored signals stay ignored in the next program.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    if arguments.uid is not None:
        become(arguments.uid, arguments.gid, [*arguments.reach, Path(arguments.command[0])])
    die_with(arguments.parent, arguments.death_signal)
    os.execv(arguments.command[0], arguments.command)


def parse() -> argparse.Namespace:
    """The arguments, as the module's docstring shows them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--death-signal", type=int, required=True)
    parser.add_argument("--uid", type=int)
    parser.add_argument("--gid", type=int)
    parser.add_argument("--reach", type=Path, action="append", default=[])
    parser.add_argument("command", nargs="+")
    return parser.parse_args()


def become(uid: int, gid: int, reach: Sequence[Path]) -> None:
    """Change from root to the user, keeping at most the one capability that the paths ask for; the last is the program."""
    capabilities = CAPABILITIES if reach[-1].stat().st_mode & stat.S_IXOTH else (CAP_DAC_OVERRIDE,)
    call("prctl", PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([gid])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    # What was kept is not in force yet, so this asks what the user alone may do.
    if all(os.access(path, os.R_OK) for path in reach) and os.access(reach[-1], os.X_OK):
        keep_only(0)
    else:
        keep_first_of(capabilities)
    # The folder we were started in may be closed to the user too, and PostgreSQL has no use for it.
    os.chdir("/")


def keep_first_of(capabilities: Iterable[int]) -> None:
    """Keep the first of these that is ours to keep, and hand it on."""
    for capability in capabilities:
        try:
            count_in_access_checks(capability)
            keep_only(1 << capability)
            # An ambient capability is the kind that survives becoming another program.
            call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)
            return
        except PermissionError:
            continue
    sys.exit(
        "error: PostgreSQL's files are closed to the user that it runs as,"
        " and this root lacks CAP_DAC_OVERRIDE or CAP_SETPCAP to get it past that."
    )


def count_in_access_checks(capability: int) -> None:
    """Make the capability count when a program asks by access(2) whether it may use a file.

    By itself that call answers for the user without capabilities, and PostgreSQL would not take its own files for its.
    """
    keep_only(1 << capability | 1 << CAP_SETPCAP)
    call("prctl", PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)


def keep_only(mask: int) -> None:
    """Make the mask all that this process may do, hand on and use. Only bits below 32 are ours to keep."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    effective_permitted_inheritable = (ctypes.c_uint32 * 6)(mask, mask, mask)
    call("capset", header, effective_permitted_inheritable)


def die_with(parent: int, death_signal: int) -> None:
    """Ask for the signal when the parent ends; leave if it has ended already."""
    if sys.platform != "linux":
        # Nothing like it elsewhere: there, ``kill -9`` of the starter leaves its programs behind.
        return
    call("prctl", PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("The process that started this one has ended.")


def call(function: str, *arguments: object) -> None:
    """Call into the C library; an error number becomes the matching OSError."""
    words = [ctypes.c_ulong(argument) if isinstance(argument, int) else argument for argument in arguments]
    if libc[function](*words) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")


if __name__ == "__main__":
    main()
