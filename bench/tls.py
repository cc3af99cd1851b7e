"""`python -m bench.tls UPSTREAM CERTIFICATE`: speaks TLS before a server, in a process of its own; prints its port."""

from __future__ import annotations

import ssl
import sys

from bench.place import tapped


def main(upstream: str, certificate: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with tapped(upstream, context) as tap:
        print(tap.endpoint, flush=True)
        sys.stdin.read()  # until the one who wanted it has ended


if __name__ == "__main__":
    main(*sys.argv[1:])
