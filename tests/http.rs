//! Plain HTTP on the same port: the demo page, a user's own files, and helpful refusals.

mod common;

use std::io::Read;
use std::time::Duration;

use common::{Client, End, Folder, Server, handshake};

#[test]
fn the_page_and_everything_that_it_names_are_served() {
    let server = Server::start(&[]);
    let page = server.get("/");
    assert_eq!(page.status, 200);
    assert_eq!(page.field("content-type"), Some("text/html; charset=utf-8"));
    let policy = page.field("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe"));
    let mut found = 0;
    for path in page.text().split('"').filter(|quoted| quoted.starts_with("assets/")) {
        assert_eq!(server.get(&format!("/{path}")).status, 200, "{path}");
        found += 1;
    }
    assert!(found >= 3, "the page names its style, its script and its icon");
    for (path, content_type) in [
        ("/assets/style.css", "text/css; charset=utf-8"),
        ("/assets/main.js", "text/javascript; charset=utf-8"),
        ("/assets/favicon.svg", "image/svg+xml"),
    ] {
        assert_eq!(server.get(path).field("content-type"), Some(content_type));
    }
}

#[test]
fn every_module_of_the_page_imports_only_what_is_served() {
    let server = Server::start(&[]);
    let mut known = vec!["/assets/main.js".to_owned()];
    let mut next = 0;
    while let Some(path) = known.get(next).cloned() {
        let script = server.get(&path);
        assert_eq!(script.status, 200, "{path}");
        let lines = script.text().lines();
        for name in lines.filter_map(|line| line.split_once(" from './")) {
            let name = name.1.split('\'').next().unwrap();
            let imported = format!("/assets/{name}");
            if !known.contains(&imported) {
                known.push(imported);
            }
        }
        next += 1;
    }
    assert!(known.len() > 3, "{known:?}");
}

#[test]
fn head_is_answered_like_get_without_a_body() {
    let server = Server::start(&[]);
    for path in ["/", "/healthz", "/echo", "/nothing"] {
        let get = server.get(path);
        let head = server.request(&format!("HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(head.body, b"", "{path}");
        assert_eq!(head.head, get.head, "{path}");
        assert_eq!(get.field("content-length"), Some(get.body.len().to_string().as_str()));
    }
}

#[test]
fn health_is_told_and_not_cached() {
    let server = Server::start(&[]);
    let answer = server.get("/healthz");
    assert_eq!((answer.status, answer.text()), (200, "ok\n"));
    assert_eq!(answer.field("cache-control"), Some("no-store"));
}

#[test]
fn a_refusal_says_what_to_do() {
    let server = Server::start(&[]);
    let lost = server.get("/nothing");
    assert_eq!(lost.status, 404);
    for path in ["/signal", "/echo", "/broadcast", "/chat", "/ws"] {
        assert!(lost.text().contains(path), "{}", lost.text());
    }
    let plain = server.get("/echo");
    assert_eq!(plain.status, 426);
    assert_eq!(plain.field("upgrade"), Some("websocket"));
    assert!(plain.text().contains("new WebSocket("), "{}", plain.text());
    let posted = server.request("POST / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(posted.status, 405);
    assert_eq!(posted.field("allow"), Some("GET, HEAD"));
}

#[test]
fn only_one_request_is_answered_for_each_connection() {
    let server = Server::start(&[]);
    let one = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    let answer = server.request(&one.repeat(100));
    assert_eq!((answer.status, answer.text()), (200, "ok\n"));
    assert_eq!(answer.field("connection"), Some("close"));
}

#[test]
fn a_body_that_nobody_reads_does_not_cost_the_client_its_answer() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n");
    // The server has all of it to discard before the client reads a single byte.
    client.send(&[b'x'; 2_000_000]);
    client.half_close();
    assert_eq!(client.answer().status, 400);
}

#[test]
fn a_request_that_does_not_come_gets_408_at_the_deadline() {
    let server = Server::start(&["--handshake", "200ms"]);
    let mut client = server.connect();
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n");
    let answer = client.answer();
    assert_eq!(answer.status, 408);
    assert!(answer.text().contains("empty line"), "{}", answer.text());
    // Who said nothing at all is told nothing.
    assert_eq!(server.connect().rest(), (Vec::new(), End::Closed));
}

/// A folder with what is needed below, served.
fn site(name: &str) -> (Folder, Server) {
    let folder = Folder::new(name);
    folder.put("index.html", "<!doctype html>home");
    folder.put("page.HTML", "page");
    folder.put("script.mjs", "1");
    folder.put("style.css", "*{}");
    folder.put("notes.txt", "notes");
    folder.put("picture.png", [0x89, b'P']);
    folder.put("video.webm", "");
    folder.put("unknown.zzz", "?");
    folder.put("with space é.txt", "spaced");
    folder.put("sub/index.html", "sub");
    folder.put("empty/.keep", "");
    folder.put(".hidden", "secret");
    folder.put(".git/config", "secret");
    let server = Server::start(&["--www", folder.str()]);
    (folder, server)
}

#[test]
fn a_users_own_files_have_their_content_types() {
    let (_folder, server) = site("types");
    let files = [
        ("/", "text/html; charset=utf-8", "<!doctype html>home"),
        ("/index.html", "text/html; charset=utf-8", "<!doctype html>home"),
        ("/page.HTML", "text/html; charset=utf-8", "page"),
        ("/script.mjs", "text/javascript; charset=utf-8", "1"),
        ("/style.css", "text/css; charset=utf-8", "*{}"),
        ("/notes.txt", "text/plain; charset=utf-8", "notes"),
        ("/video.webm", "video/webm", ""),
        ("/unknown.zzz", "application/octet-stream", "?"),
        ("/with%20space%20%C3%A9.txt", "text/plain; charset=utf-8", "spaced"),
        ("/notes.txt?v=2", "text/plain; charset=utf-8", "notes"),
        ("/sub/", "text/html; charset=utf-8", "sub"),
    ];
    for (path, content_type, content) in files {
        let answer = server.get(path);
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.field("content-type"), Some(content_type), "{path}");
        assert_eq!(answer.field("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.text(), content, "{path}");
        let head = server.request(&format!("HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!((head.head, head.body), (answer.head, Vec::new()), "{path}");
    }
    assert_eq!(server.get("/picture.png").body, [0x89, b'P']);
}

#[test]
fn a_folder_is_left_to_its_index() {
    let (_folder, server) = site("folder");
    let moved = server.get("/sub");
    assert_eq!((moved.status, moved.field("location")), (301, Some("/sub/")));
    assert_eq!(server.get("/empty/").status, 404, "nothing is listed");
}

#[test]
fn nothing_outside_of_the_folder_and_nothing_hidden_is_reached() {
    let (folder, server) = site("traversal");
    let outside = Folder::new("traversal-outside");
    outside.put("secret.txt", "secret");
    outside.put("index.html", "secret");
    let secret = outside.path().join("secret.txt");
    let name = outside.path().file_name().unwrap().to_str().unwrap();
    std::os::unix::fs::symlink(&secret, folder.path().join("link.txt")).unwrap();
    std::os::unix::fs::symlink(outside.path(), folder.path().join("link")).unwrap();
    std::fs::create_dir(folder.path().join("trick")).unwrap();
    std::os::unix::fs::symlink(
        outside.path().join("index.html"),
        folder.path().join("trick/index.html"),
    )
    .unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path().join("dangling")).unwrap();
    std::os::unix::fs::symlink("circle", folder.path().join("circle")).unwrap();
    let paths = [
        format!("/../{name}/secret.txt"),
        format!("/%2e%2e/{name}/secret.txt"),
        format!("/..%2f{name}%2fsecret.txt"),
        format!("/sub/../../{name}/secret.txt"),
        format!("/sub/%2e%2e/%2e%2e/{name}/secret.txt"),
        format!("/..%5c{name}%5csecret.txt"),
        format!("/{}", secret.display()),
        format!("/{}", secret.display().to_string().replace('/', "%2f")),
    ];
    let fixed = [
        "//etc/passwd",
        "/%2fetc/passwd",
        "/link.txt",
        "/link/secret.txt",
        "/link",
        "/link/",
        "/trick/",
        "/dangling",
        "/circle",
        "/.hidden",
        "/.git/config",
        "/%2egit/config",
        "/sub/../.hidden",
        "/notes.txt%00.html",
        "/notes.txt/",
        "/%ff",
        "/%",
        "/%zz",
        "/.",
        "/..",
    ];
    for path in paths.iter().map(String::as_str).chain(fixed) {
        let answer = server.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.text().contains("secret"), "{path}");
    }
    // An absolute URI is only another way to write a path.
    assert_eq!(server.get("http://a/../etc/passwd").status, 404);
}

#[test]
fn what_is_not_a_file_is_not_opened() {
    let (folder, server) = site("fifo");
    let fifo = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    let socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
    // Opening a pipe that nobody writes to would stop the whole loop.
    assert_eq!(server.get("/pipe").status, 404);
    assert_eq!(server.get("/socket").status, 404);
    assert!(server.serves());
    drop(socket);
}

#[test]
fn websockets_are_where_they_are_with_own_files_too() {
    let (_folder, server) = site("beside");
    assert!(server.serves());
    let mut client = server.open("/");
    client.send_text("ping");
    client.expect_text("pong");
    assert_eq!(server.get("/echo").status, 426);
    assert_eq!(server.get("/healthz").status, 200);
    assert_eq!(server.get("/assets/main.js").status, 404);
}

/// Content of which no two blocks are alike.
fn numbered(length: usize) -> Vec<u8> {
    let mut content = vec![b'x'; length];
    for (number, block) in content.chunks_exact_mut(512).enumerate() {
        block[..8].copy_from_slice(&number.to_be_bytes());
    }
    content
}

#[test]
fn a_large_file_is_streamed_and_never_in_memory_as_a_whole() {
    let folder = Folder::new("large");
    let content = numbered(24 << 20);
    folder.put("large.bin", &content);
    let server = Server::start(&["--www", folder.str()]);
    assert!(server.serves());
    #[cfg(target_os = "linux")]
    let before = server.peak_memory();
    let mut slow = server.connect();
    slow.send(b"GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    let head = slow.head();
    assert!(head.contains("\r\nContent-Length: 25165824\r\n"), "{head}");
    // It reads nothing further for now; others are served meanwhile.
    assert_eq!(server.get("/large.bin").body.len(), content.len());
    assert!(server.serves());
    let (body, end) = slow.rest();
    assert_eq!(end, End::Closed);
    assert!(body == content, "the file arrives as it is");
    #[cfg(target_os = "linux")]
    assert!(server.peak_memory() < before + (8 << 20));
}

/// Asks for a file of `length` bytes, reads the head, changes the file, and gets the rest.
fn changed_midway(name: &str, change: impl FnOnce(&std::path::Path)) -> (Vec<u8>, Vec<u8>) {
    let folder = Folder::new(name);
    // More than the kernel buffers on both sides.
    let content = numbered(32 << 20);
    folder.put("file.bin", &content);
    let server = Server::start(&["--www", folder.str()]);
    let mut client = server.connect();
    client.send(b"GET /file.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    client.head();
    change(&folder.path().join("file.bin"));
    let (body, _) = client.rest();
    assert!(server.serves());
    (content, body)
}

#[test]
fn a_file_that_is_replaced_midway_is_sent_as_it_was() {
    let (content, body) = changed_midway("replaced", |path| {
        let new = path.with_extension("new");
        std::fs::write(&new, "short").unwrap();
        std::fs::rename(&new, path).unwrap();
    });
    assert!(body == content);
}

#[test]
fn a_file_that_shrinks_midway_ends_the_connection_early() {
    let (content, body) = changed_midway("shrunk", |path| {
        let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(1000).unwrap();
    });
    // Fewer bytes than Content-Length said: so the client knows.
    assert!(body.len() < content.len());
}

#[test]
fn a_file_that_grows_midway_is_sent_up_to_what_was_promised() {
    let (content, body) = changed_midway("grown", |path| {
        use std::io::Write;
        let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(b"more").unwrap();
    });
    assert!(body == content);
}

#[test]
fn an_answer_that_is_not_read_is_given_up() {
    let folder = Folder::new("stall");
    folder.put("file.bin", numbered(32 << 20));
    let server = Server::start(&["--www", folder.str(), "--stall", "200ms", "--log", "debug"]);
    let mut client = server.connect();
    client.send(b"GET /file.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    client.head();
    common::eventually("the server gives up", || server.log().contains("dropped").then_some(()));
    let (body, _) = client.rest();
    assert!(body.len() < 32 << 20);
}

#[test]
fn a_client_that_stays_after_its_answer_is_let_go() {
    let server = Server::start(&["--close-wait", "200ms", "--max-connections", "1"]);
    let mut client = server.connect();
    client.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.answer().status, 200);
    // It does not close. There is room for one connection, so another is served only after it.
    let mut next = Client::connect(server.address());
    next.stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    next.send(handshake("/echo").as_bytes());
    let mut first = [0; 12];
    next.stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 101");
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_cannot_be_opened_now_is_not_said_to_be_missing() {
    let folder = Folder::new("descriptors");
    folder.put("file.txt", "here");
    let server = Server::start_in_shell("ulimit -n 32", &["--www", folder.str()]);
    let mut crowd: Vec<_> = (0..40).map(|_| server.connect()).collect();
    common::eventually("no descriptor is left", || (server.descriptors() >= 32).then_some(()));
    crowd[0].send(b"GET /file.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    let answer = crowd[0].answer();
    assert_eq!(answer.status, 503);
    assert_eq!(answer.field("retry-after"), Some("10"));
    drop(crowd);
    common::eventually("it can be opened", || {
        (server.get("/file.txt").status == 200).then_some(())
    });
}
