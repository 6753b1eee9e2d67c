"""curl, which speaks no WebSocket: the answer to the handshake, and to requests that are wrong."""

import subprocess

from harness import check, expect_equal, play_checks, server

# The key and its answer are the example of RFC 6455, 1.3.
HANDSHAKE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
             "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def command(path, headers, flavour="plain", *options):
    fields = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    return ["curl", "--silent", "--show-error", "--dump-header", "-", "--http1.1", "--no-buffer",
            "--path-as-is", *fields, *options, f"http://{server(flavour)}{path}"]


def parse_head(head):
    status_line, *lines = head.split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (
        line.partition(":") for line in lines)}
    return int(status_line.split()[1]), fields


def request(path, headers=None, flavour="plain", *options):
    """(status, header fields, body) of an answer that ends."""
    done = subprocess.run(command(path, headers or {}, flavour, "--max-time", "15", *options),
                          capture_output=True, check=True)
    head, _, body = done.stdout.decode().partition("\r\n\r\n")
    return *parse_head(head), body


def expect_error(answer, status, *words):
    """The status, and a plain text for humans that has these words."""
    actual, fields, body = answer
    expect_equal(actual, status, f"status of {body!r}")
    expect_equal(fields["content-type"].partition(";")[0], "text/plain", "content type")
    for word in words:
        if word.lower() not in body.lower():
            raise AssertionError(f"{word!r} is not in the body {body!r}")
    if not body.strip():
        raise AssertionError("the body is empty")
    return fields


def without(name):
    return {key: value for key, value in HANDSHAKE.items() if key != name}


@check("curl: a handshake is answered 101 with the accept value of the RFC's example")
def _():
    curl = subprocess.Popen(command("/echo", HANDSHAKE), stdout=subprocess.PIPE)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = curl.stdout.read(1)
        if not byte:
            raise AssertionError(f"the answer ended after {head!r}")
        head += byte
    curl.kill()
    curl.wait()
    status, fields = parse_head(head.decode().rstrip())
    expect_equal(status, 101, "status")
    expect_equal(fields["upgrade"].lower(), "websocket", "Upgrade")
    expect_equal(fields["connection"].lower(), "upgrade", "Connection")
    expect_equal(fields["sec-websocket-accept"], ACCEPT, "Sec-WebSocket-Accept")
    expect_equal("sec-websocket-extensions" in fields, False, "an extension nobody offered")
    expect_equal("sec-websocket-protocol" in fields, False, "a subprotocol nobody offered")


@check("curl: 400 names the field that is missing or wrong")
def _():
    expect_error(request("/echo", without("Sec-WebSocket-Key")), 400, "Sec-WebSocket-Key")
    for key in "short", "AAAA", "not base64 at all !!", "A" * 64:
        headers = {**HANDSHAKE, "Sec-WebSocket-Key": key}
        expect_error(request("/echo", headers), 400, "Sec-WebSocket-Key")


@check("curl: 404 for a path where nothing is, as page and as WebSocket")
def _():
    expect_error(request("/nowhere", HANDSHAKE), 404)
    expect_error(request("/nowhere"), 404)


@check("curl: 405 for a method other than GET, with Allow")
def _():
    for method in "POST", "PUT", "DELETE":
        fields = expect_error(request("/echo", HANDSHAKE, "plain", "--request", method), 405)
        if "GET" not in fields["allow"]:
            raise AssertionError(f"Allow: {fields['allow']}")


@check("curl: 426 names the version for another one, and helps who came without Upgrade")
def _():
    for version in "8", "0", "14", "x":
        headers = {**HANDSHAKE, "Sec-WebSocket-Version": version}
        fields = expect_error(request("/echo", headers), 426)
        expect_equal(fields["sec-websocket-version"], "13", "Sec-WebSocket-Version")
    for headers in {}, without("Upgrade"):
        fields = expect_error(request("/echo", headers), 426, "Upgrade")
        expect_equal(fields["upgrade"].lower(), "websocket", "Upgrade")


@check("curl: 431 for a head that is too long, or has too many fields")
def _():
    expect_error(request("/echo", {**HANDSHAKE, "X-Long": "x" * 9000}), 431)
    many = {f"X-Field-{number}": "x" for number in range(100)}
    expect_error(request("/echo", {**HANDSHAKE, **many}), 431)


@check("curl: 403 for a strange Origin")
def _():
    headers = {**HANDSHAKE, "Origin": "https://evil.example"}
    expect_error(request("/echo", headers, "origin"), 403, "Origin")


@check("curl: the page, its health, and nothing outside of it")
def _():
    status, fields, body = request("/")
    expect_equal(status, 200, "status of /")
    expect_equal(fields["content-type"].partition(";")[0], "text/html", "content type of /")
    if "<html" not in body.lower():
        raise AssertionError(f"no page: {body[:200]!r}")
    expect_equal(request("/healthz")[0], 200, "status of /healthz")
    for path in "/../Cargo.toml", "/%2e%2e/Cargo.toml", "/..%2fCargo.toml", "//etc/passwd":
        status, _, _ = request(path)
        if status not in (400, 403, 404):
            raise AssertionError(f"{path} is answered {status}")


play_checks()
