"""`wigwag connect` over TLS, against Python `websockets` on OpenSSL, with certificates by openssl."""

import os
import pathlib
import ssl
import subprocess
import tempfile
import threading

from harness import check, expect_equal, play_checks
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

FOLDER = pathlib.Path(tempfile.mkdtemp(dir=os.environ["LOGS"]))


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], cwd=FOLDER, check=True, capture_output=True)


def certificates():
    """An authority, and a certificate by it for localhost and 127.0.0.1."""
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    openssl("req", "-x509", *curve, "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", "-x509", *curve, "-subj", "/CN=another", "-keyout", "x.key", "-out", "other.pem")
    openssl("req", "-x509", *curve, "-subj", "/CN=server", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", "key.pem",
            "-out", "server.pem")


def echo(connection):
    try:
        for message in connection:
            connection.send(message)
    except ConnectionClosed:
        pass


def start(version):
    """A server that speaks this version of TLS; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(FOLDER / "server.pem", FOLDER / "key.pem")
    context.minimum_version = context.maximum_version = version
    server = serve(echo, "127.0.0.1", 0, ssl=context, max_size=None)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.socket.getsockname()[1]


def connect(url, *arguments, lines="hello\n"):
    environment = {name: value for name, value in os.environ.items() if name != "SSL_CERT_FILE"}
    return subprocess.run([os.environ["TESTED_BINARY"], "connect", url, *arguments], input=lines,
                          capture_output=True, text=True, env=environment)


def expect_refused(ended, hint):
    expect_equal(ended.returncode, 1, f"status, with {ended.stderr!r}")
    *_, last = ended.stderr.splitlines()
    expect_equal(hint in last, True, f"{hint!r} in {last!r}")


certificates()
ports = [start(ssl.TLSVersion.TLSv1_2), start(ssl.TLSVersion.TLSv1_3)]
CA = ["--ca", str(FOLDER / "ca.pem")]


@check("connect over TLS 1.2 and 1.3: messages go both ways, by name and by address")
def _():
    for port in ports:
        for host in "localhost", "127.0.0.1":
            ended = connect(f"wss://{host}:{port}/", *CA)
            expect_equal((ended.returncode, ended.stdout), (0, "hello\n"), ended.stderr)


@check("connect over TLS: 20 MB go through, and none is lost at the end")
def _():
    lines = "".join(f"{number} {'x' * 1000}\n" for number in range(20000))
    for port in ports:
        ended = connect(f"wss://localhost:{port}/", *CA, "--no-deflate", lines=lines)
        expect_equal(ended.returncode, 0, f"status, with {ended.stderr!r}")
        expect_equal(ended.stdout == lines, True, f"all of {len(ended.stdout)} bytes are the same")


@check("connect over TLS: a certificate that nobody vouches for is refused")
def _():
    for port in ports:
        url = f"wss://localhost:{port}/"
        expect_refused(connect(url), "TLS: invalid peer certificate: UnknownIssuer")
        other = connect(url, "--ca", str(FOLDER / "other.pem"))
        expect_refused(other, "TLS: invalid peer certificate")


@check("connect over TLS: a certificate for another name is refused, and so is a useless --ca")
def _():
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", "/CN=x", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "2",
            "-addext", "subjectAltName=DNS:calls.example", "-addext",
            "basicConstraints=critical,CA:FALSE", "-keyout", "key.pem", "-out", "server.pem")
    url = f"wss://localhost:{start(ssl.TLSVersion.TLSv1_3)}/"
    expect_refused(connect(url, *CA), "calls.example")
    expect_refused(connect(url, "--ca", str(FOLDER / "nothing.pem")), "nothing.pem: No such file")
    expect_refused(connect(url, "--ca", str(FOLDER / "key.pem")), "no certificate in it")


@check("connect over TLS: --insecure takes any certificate, and warns")
def _():
    for port in ports:
        ended = connect(f"wss://127.0.0.1:{port}/", "--insecure")
        expect_equal((ended.returncode, ended.stdout), (0, "hello\n"), ended.stderr)
        expect_equal(ended.stderr.splitlines()[0].startswith("warning: "), True, ended.stderr)


@check("connect over TLS: TLS to a server that speaks none, and none to one that does")
def _():
    plain = serve(echo, "127.0.0.1", 0)
    threading.Thread(target=plain.serve_forever, daemon=True).start()
    port = plain.socket.getsockname()[1]
    expect_refused(connect(f"wss://localhost:{port}/", "--insecure"), "cannot open wss://")
    expect_refused(connect(f"ws://localhost:{ports[1]}/"), "cannot open ws://")


play_checks()
