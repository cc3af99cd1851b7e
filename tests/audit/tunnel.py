"""A program that audits in a network of its own, and counts what would have left it.

Its default route leads into a tunnel whose other end is here: a packet to anywhere but this machine
comes out of it. Started by `unshare --user --map-root-user --net`.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import socket
import struct
import subprocess
import sys

from tests.audit.table import job
from twicesafe.audit.audit import audit
from twicesafe.audit.settings import Controls

SET_INTERFACE, TUN, NO_HEADER = 0x400454CA, 0x0001, 0x1000
"""https://docs.kernel.org/networking/tuntap.html"""


def open_tunnel() -> int:
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, SET_INTERFACE, struct.pack("16sH22x", b"out0", TUN | NO_HEADER))
    for words in ("addr add 10.9.9.1/24 dev out0", "link set out0 up", "link set lo up", "route add default dev out0"):
        subprocess.run(["ip", *words.split()], check=True)
    return descriptor


def packets(descriptor: int) -> list[str]:
    """What came out: IPv4 all of it; of IPv6 not the kernel's own greetings (ICMPv6)."""
    found = []
    while select.select([descriptor], [], [], 0.2)[0]:
        packet = os.read(descriptor, 65_536)
        version = packet[0] >> 4
        if version == 4:
            found.append(".".join(map(str, packet[16:20])))
        elif packet[6] not in (0, 58):
            found.append(packet[24:40].hex())
    return found


def main() -> None:
    """Audit what is named, and print what was said and what left."""
    descriptor = open_tunnel()
    packets(descriptor)
    said = {}
    for name in sys.argv[2:]:
        found = audit(job(name, controls=Controls(isolation=sys.argv[1] == "isolated"), schedule="run 1; run 2"))
        said[name] = [found.verdict, *found.unknowns]
    left = packets(descriptor)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:  # the tunnel itself is tested too
        probe.sendto(b"probe", ("192.0.2.1", 9))
    if packets(descriptor) != ["192.0.2.1"]:
        os.write(2, b"the tunnel does not show what leaves\n")
        sys.exit(4)
    print(json.dumps({"said": said, "left": left}))


if __name__ == "__main__":
    main()
