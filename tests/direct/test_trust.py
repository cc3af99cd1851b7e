"""TLS with certificate authorities of the tests' own; names of AWS's are looked up here."""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore
import pytest
import trustme

from tests.direct.server import serving
from twicesafe.errors import ConfigurationError, StoreUnavailable
from twicesafe.stores.dynamodb.direct import trust

if TYPE_CHECKING:
    from tests.direct.conftest import Asker

AWS = "dynamodb.eu-west-1.amazonaws.com"
MANY = (Path(botocore.__file__).parent / "cacert.pem").read_bytes()
"""Some 120 authorities, Amazon's five among them."""


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def another() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def context(authority: trustme.CA) -> ssl.SSLContext:
    """A server's, for AWS's name."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(AWS).configure_cert(made)
    return made


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Say what the system's bundle is, in a process that has not looked at it yet."""
    monkeypatch.setattr(trust, "_contexts", {})
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    real = socket.getaddrinfo

    def look_up(host: str | bytes, port: int, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        return real("127.0.0.1" if name.endswith(".amazonaws.com") else host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    def bundle(*parts: bytes) -> str:
        path = tmp_path / "bundle.pem"
        path.write_bytes(b"\n".join(parts))
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        return str(path)

    return bundle


def pem(authority: trustme.CA) -> bytes:
    return authority.cert_pem.bytes()


def test_of_the_systems_bundle_only_awss_own_roots_are_read(system: Any) -> None:
    system(MANY)
    made = trust.Trust(AWS, None, "dynamodb://records").context
    found = {hashlib.sha256(der).hexdigest() for der in made.get_ca_certs(binary_form=True)}
    assert found == trust.ROOTS
    usual = ssl.create_default_context()
    assert len(usual.get_ca_certs()) > 100
    assert (made.verify_mode, made.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert (made.options, made.verify_flags, made.minimum_version) == (
        usual.options,
        usual.verify_flags,
        usual.minimum_version,
    )


def test_a_root_that_the_system_does_not_have_is_not_believed(system: Any, authority: trustme.CA) -> None:
    system(pem(authority))
    made = trust.Trust(AWS, None, "dynamodb://records").context
    assert made.get_ca_certs(binary_form=True) == [ssl.PEM_cert_to_DER_cert(pem(authority).decode())]


@pytest.mark.parametrize("host", ["localhost", "dynamodb.example.com", "amazonaws.com.example.com", "127.0.0.1"])
def test_other_hosts_are_believed_by_the_whole_bundle(system: Any, host: str) -> None:
    system(MANY)
    assert len(trust.Trust(host, None, "dynamodb://records").context.get_ca_certs()) > 100


def test_one_context_serves_the_process(system: Any) -> None:
    system(MANY)
    stores = [trust.Trust(host, None, "dynamodb://records") for host in (AWS, "dynamodb.us-east-1.api.aws")]
    assert stores[0].context is stores[1].context


@pytest.mark.parametrize("with_roots", [True, False], ids=["with Amazon's roots", "without"])
def test_a_server_that_only_the_whole_bundle_verifies_is_believed(
    asker: Asker,
    system: Any,
    authority: trustme.CA,
    context: ssl.SSLContext,
    caplog: pytest.LogCaptureFixture,
    with_roots: bool,
) -> None:
    caplog.set_level(logging.DEBUG, "twicesafe")
    system(*([MANY] if with_roots else []), pem(authority))
    with serving(context=context) as server:
        for number in range(2):
            with asker.store(f"https://{AWS}:{server.port}", tries=1) as store:
                assert asker.ask(store) == "order#1"
                assert server.connections == number + (2 if with_roots else 1)  # what did not do is remembered
    assert caplog.text.count("the system's whole bundle is asked") == (1 if with_roots else 0)


def test_a_server_that_nobody_verifies_is_sent_nothing(
    asker: Asker, system: Any, another: trustme.CA, context: ssl.SSLContext
) -> None:
    system(MANY, pem(another))
    with serving(context=context) as server, asker.store(f"https://{AWS}:{server.port}") as store:
        with pytest.raises(StoreUnavailable, match="AWS_CA_BUNDLE"):
            asker.ask(store)
        assert server.heard == []


def test_a_server_of_another_name_is_sent_nothing(
    asker: Asker, system: Any, authority: trustme.CA, context: ssl.SSLContext
) -> None:
    system(pem(authority))
    url = "https://dynamodb.us-east-1.amazonaws.com"
    with serving(context=context) as server, asker.store(f"{url}:{server.port}") as store:
        with pytest.raises(StoreUnavailable, match="Hostname mismatch"):
            asker.ask(store)
        assert server.heard == []


@pytest.mark.parametrize("how", ["AWS_CA_BUNDLE", "ca_bundle", "folder"])
def test_a_bundle_of_the_users_own_is_believed(
    asker: Asker,
    system: Any,
    authority: trustme.CA,
    context: ssl.SSLContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    system(MANY)
    folder = tmp_path / "own"
    folder.mkdir()
    own = folder / "own.pem"
    own.write_bytes(pem(authority))
    options: dict[str, Any] = {}
    if how == "ca_bundle":
        options["ca_bundle"] = str(own)
    elif how == "AWS_CA_BUNDLE":
        monkeypatch.setenv("AWS_CA_BUNDLE", str(own))
    else:
        own.rename(folder / f"{hash_of(own)}.0")
        options["ca_bundle"] = str(folder)
    with serving(context=context) as server, asker.store(f"https://{AWS}:{server.port}", **options) as store:
        assert asker.ask(store) == "order#1"


def hash_of(certificate: Path) -> str:
    """As OpenSSL names the files of a folder."""
    import subprocess

    command = ["openssl", "x509", "-noout", "-hash", "-in", str(certificate)]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except FileNotFoundError:
        pytest.skip("there is no openssl here to name the file")


def test_beside_a_bundle_of_the_users_own_nobody_is_believed(
    asker: Asker, system: Any, authority: trustme.CA, another: trustme.CA, context: ssl.SSLContext, tmp_path: Path
) -> None:
    system(MANY, pem(authority))
    own = tmp_path / "own.pem"
    own.write_bytes(pem(another))
    url = f"https://{AWS}"
    with serving(context=context) as server, asker.store(f"{url}:{server.port}", ca_bundle=str(own)) as store:
        with pytest.raises(StoreUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
            asker.ask(store)
        assert server.heard == []


@pytest.mark.parametrize("made", [False, True], ids=["missing", "no certificates"])
def test_a_bundle_that_cannot_be_read_shows_at_once(asker: Asker, system: Any, tmp_path: Path, made: bool) -> None:
    own = tmp_path / "own.pem"
    if made:
        own.write_text("nothing")
    with pytest.raises(ConfigurationError, match="Correct AWS_CA_BUNDLE"), asker.store("https://x", ca_bundle=str(own)):
        pass


def test_plain_http_needs_no_certificates(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "_contexts", {})
    with serving() as server, asker.store(server) as store:
        asker.ask(store)
    assert trust._contexts == {}


def test_idle_tls_connections_are_kept_though_tickets_wait_on_them(
    asker: Asker, system: Any, authority: trustme.CA, context: ssl.SSLContext
) -> None:
    system(pem(authority))
    with serving(context=context) as server, asker.store(f"https://{AWS}:{server.port}") as store:
        for number in range(5):
            assert asker.ask(store, f"order#{number}") == f"order#{number}"
        assert server.connections == 1


def test_without_a_bundle_file_pythons_own_way_is_gone(system: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull + "/nowhere")
    made = trust.Trust(AWS, None, "dynamodb://records").context
    assert made.verify_mode is ssl.CERT_REQUIRED
