"""A network of one's own that leads nowhere, where the machine allows it: for native code, which no hook sees.

Without it nothing leaves the machine from Python either; this is the second wall. Linux only.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys

NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000
"""https://man7.org/linux/man-pages/man2/unshare.2.html"""
GET_FLAGS, SET_FLAGS, UP = 0x8913, 0x8914, 0x1
"""https://man7.org/linux/man-pages/man7/netdevice.7.html"""


def isolate() -> bool:
    """Leave this machine's network for one that has only a loopback; whether that was allowed.

    A fork tries first: half of it would leave this process without even a loopback.
    """
    if not sys.platform.startswith("linux"):
        return False
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = 0 if _leave() else 1
        finally:
            os._exit(status)
    _, status = os.waitpid(pid, 0)
    return status == 0 and _leave()


def _leave() -> bool:
    try:
        system = ctypes.CDLL(None, use_errno=True)
        user, group = os.getuid(), os.getgid()
        if system.unshare(NEW_NETWORK) != 0:
            if system.unshare(NEW_USER | NEW_NETWORK) != 0:
                return False
            _write("setgroups", "deny")
            _write("uid_map", f"{user} {user} 1")
            _write("gid_map", f"{group} {group} 1")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            name = struct.pack("16sH14x", b"lo", 0)
            (flags,) = struct.unpack_from("H", fcntl.ioctl(sock, GET_FLAGS, name), 16)
            fcntl.ioctl(sock, SET_FLAGS, struct.pack("16sH14x", b"lo", flags | UP))
    except (OSError, AttributeError):
        return False
    return True


def _write(name: str, content: str) -> None:
    with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
        file.write(content)
