"""Nothing leaves the machine: in a network whose only way out ends in this test, nothing comes out."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NETWORK = ["unshare", "--user", "--map-root-user", "--net"]


def is_possible() -> bool:
    """Whether this machine gives a process a network of its own, with a tunnel out of it."""
    if not (shutil.which("unshare") and shutil.which("ip") and os.access("/dev/net/tun", os.W_OK)):
        return False
    command = [*NETWORK, sys.executable, "-c", "from tests.audit.tunnel import open_tunnel; open_tunnel()"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module", autouse=True)
def network() -> None:
    if not is_possible():
        pytest.skip("This machine gives no process a network of its own.")


def audited(*words: str) -> Any:
    command = [*NETWORK, sys.executable, "-m", "tests.audit.tunnel", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_no_client_of_python_lets_a_packet_out() -> None:
    found = audited("bare", "every_client")
    assert found["left"] == []
    verdict, *unknowns = found["said"]["every_client"]
    assert verdict == "unknown"
    for way in (
        "mail.example.com:25 (SMTP)",
        "sent to 203.0.113.9:9999",
        "('203.0.113.9', 80)",
        "datagrams to 203.0.113.9:53",
    ):
        assert way in "\n".join(unknowns)


def test_native_code_lets_a_packet_out_only_where_it_has_a_network() -> None:
    assert audited("isolated", "native_client")["left"] == []
    bare = audited("bare", "native_client")
    assert set(bare["left"]) == {"203.0.113.9"}  # the tunnel does see what leaves
    assert bare["said"]["native_client"] == [
        "unknown",
        "not observed: the call of sendto through ctypes (native_client.py:12)",
    ]
