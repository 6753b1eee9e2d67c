//! Makes the page of the illustrated connection: each byte of one conversation, and why it is there.
//!
//! ```text
//! cargo run --example illustrated > src/server/page/illustrated.html
//! ```
//!
//! What is said comes from one wire script, `src/manual/illustrated.ws`; what each byte means comes
//! from the dissector. The test `tests/illustrated.rs` fails when the page is stale.

use std::error::Error;
use std::fmt::Write as _;
use std::time::Instant;

use wigwag::protocol::handshake::{Request, ServerOptions, accept};
use wigwag::trace::dissect::item::Reference;
use wigwag::trace::dissect::{Conversation, Field, Item, Kind, Options, Side, Step, Told};
use wigwag::trace::script::{Action, Happening, Script, Step as Line};

/// The conversation after the handshake.
pub const SCRIPT: &str = include_str!("../src/manual/illustrated.ws");

/// The handshake of RFC 6455, 1.3, without what is optional there. A script begins behind it.
pub const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

const ASKING: &str = "The client asks for a WebSocket.\n\
    It is an HTTP request, so that the same port, the same cookies and the same proxies will do. It \
    asks to stop speaking HTTP: RFC 6455, 4.1. Each line ends with the bytes 0d 0a, and an empty line \
    ends it all.";

const AGREEING: &str = "The server agrees.\n\
    That it read this very request it proves with the accept key. From the next byte on, both sides \
    speak frames: RFC 6455, 4.2.2.";

/// More parts in one record than the style sheet lights up together would be a mistake.
pub const PARTS: usize = 24;

/// One thing on the wire, with what is said before it.
pub struct Record {
    /// Its title, a line end, and a paragraph.
    pub prose: String,
    /// Its bytes, explained.
    pub item: Item,
}

/// Some bytes of a record that belong together, and the fields that say what they are.
pub struct Part<'i> {
    /// The bytes.
    pub bytes: &'i [u8],
    /// The fields; none, if this stands between two of them.
    pub fields: Vec<&'i Field>,
}

/// What is on the wire, in its order.
pub fn records() -> Result<Vec<Record>, Box<dyn Error>> {
    let script = Script::parse(SCRIPT)?;
    let mut response = Vec::new();
    let request = Request::parse(REQUEST.as_bytes(), 64).map_err(|error| error.body())?;
    let accepted = accept(&request, &ServerOptions::default()).map_err(|error| error.body())?;
    accepted.write_response(&mut response);

    let mut sent = vec![
        (ASKING.to_owned(), Side::Client, REQUEST.as_bytes().to_vec()),
        (AGREEING.to_owned(), Side::Server, response),
    ];
    let mut prose = String::new();
    for line in &script.lines {
        match &line.step {
            // The first line is what happens, and a paragraph follows it.
            Line::Prose(words) if words.is_empty() => prose.push('\n'),
            Line::Prose(words) => {
                let gap = if prose.is_empty() || prose.ends_with('\n') { "" } else { " " };
                prose = format!("{prose}{gap}{words}");
            }
            Line::Act(Action::Receive(bytes)) => {
                sent.push((std::mem::take(&mut prose), Side::Client, bytes.clone()));
            }
            Line::Expect(Happening::Output(bytes, _)) => {
                sent.push((std::mem::take(&mut prose), Side::Server, bytes.clone()));
            }
            // What stood above `echo on` is about the whole.
            _ => prose.clear(),
        }
    }
    let mut conversation = Conversation::new(Options::default(), Instant::now());
    let mut records = Vec::new();
    for (prose, side, bytes) in sent {
        conversation.push(side, &bytes, &mut |item| {
            records.push(Record { prose: prose.clone(), item });
        });
    }
    Ok(records)
}

/// The parts of an item: its fields, and what stands between them. No byte is in none.
pub fn parts(item: &Item) -> Vec<Part<'_>> {
    let bytes = &item.bytes.0[..];
    let mut parts: Vec<Part<'_>> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let covers = |field: &&Field| field.start as usize == at && field.end > field.start;
        let fields: Vec<&Field> = item.fields.iter().filter(covers).collect();
        let next = item.fields.iter().map(|field| field.start as usize).filter(|&s| s > at).min();
        let end = fields.first().map(|field| field.end as usize);
        let end = end.or(next).unwrap_or(bytes.len()).min(bytes.len());
        parts.push(Part { bytes: &bytes[at..end], fields });
        at = end;
    }
    parts
}

/// The whole page.
pub fn page() -> Result<String, Box<dyn Error>> {
    let mut page = String::from(HEAD);
    for (number, record) in (1..).zip(records()?) {
        self::record(&mut page, number, &record)?;
    }
    page.push_str(FOOT);
    Ok(page)
}

fn record(page: &mut String, number: usize, record: &Record) -> Result<(), Box<dyn Error>> {
    let Record { prose, item } = record;
    let (title, text) = prose.split_once('\n').unwrap_or((prose, ""));
    let (who, other) = (item.from.name(), item.from.other().name());
    // The first frame is open: one sees what there is to open.
    let open = if number == 3 { " open" } else { "" };
    write!(
        page,
        "\n    <section class=\"record {who}\" aria-labelledby=\"r{number}\">\n      \
         <h2 id=\"r{number}\">{}</h2>\n      <p>{}</p>\n      <details{open}>\n        <summary>\
         <span class=\"way\">{who} to {other}</span> <code>{}</code> <span class=\"size\">{} bytes\
         </span></summary>\n",
        escape(title),
        escape(text.trim()),
        escape(&item.summary),
        item.length,
    )?;
    let parts = parts(item);
    wire(page, number, item, &parts)?;
    page.push_str("        <ol class=\"parts\">\n");
    for (index, part) in parts.iter().enumerate() {
        explain(page, number, index, part, item)?;
    }
    page.push_str("        </ol>\n");
    for step in &item.steps {
        self::step(page, item, step)?;
    }
    page.push_str("      </details>\n");
    outcome(page, item)?;
    page.push_str("    </section>\n");
    Ok(())
}

/// The bytes, each part of them a link to what it means.
fn wire(page: &mut String, number: usize, item: &Item, parts: &[Part<'_>]) -> std::fmt::Result {
    let kind = if item.kind == Kind::Frame { "frame" } else { "head" };
    write!(page, "        <p class=\"wire {kind}\">")?;
    for (index, part) in parts.iter().enumerate() {
        let shown = match item.kind {
            Kind::Frame => hex(part.bytes),
            _ => escape(&String::from_utf8_lossy(part.bytes).replace(' ', "\u{2423}"))
                .replace("\r\n", "<span class=\"end\">\\r\\n</span>\n"),
        };
        let label = escape(&label(part));
        write!(
            page,
            "<a class=\"p{index}\" href=\"#r{number}p{index}\" title=\"{label}\">{shown}</a>"
        )?;
    }
    page.push_str("</p>\n");
    Ok(())
}

fn explain(
    page: &mut String,
    number: usize,
    index: usize,
    part: &Part<'_>,
    item: &Item,
) -> std::fmt::Result {
    write!(page, "          <li id=\"r{number}p{index}\" class=\"p{index}\">")?;
    let text = item.kind != Kind::Frame && !part.fields.is_empty();
    if text {
        let text = String::from_utf8_lossy(part.bytes);
        write!(page, "<code class=\"text\">{}</code> ", escape(&text))?;
    }
    write!(page, "<code class=\"bytes\">{}</code>", hex(part.bytes))?;
    if part.fields.is_empty() {
        return writeln!(page, " <span class=\"why\">{}</span></li>", between(part.bytes));
    }
    for field in &part.fields {
        let bits = field.bits.as_ref().map(|bits| format!("<code>{}</code> ", escape(bits)));
        write!(
            page,
            "\n            <span class=\"why\">{}<b>{}</b> {}: {}{}</span>",
            bits.unwrap_or_default(),
            escape(&field.label),
            escape(&field.value),
            escape(&field.meaning),
            section(field.rfc),
        )?;
    }
    page.push_str("</li>\n");
    Ok(())
}

/// What stands between the fields of a head.
fn between(bytes: &[u8]) -> &'static str {
    match bytes {
        b" " => "a space, between the parts of the first line",
        b"\r\n\r\n" => "the end of the line, and an empty line: the end of the head",
        b"\r\n" => "carriage return and line feed: the end of the line",
        _ => "between two fields",
    }
}

fn label(part: &Part<'_>) -> String {
    let labels: Vec<&str> = part.fields.iter().map(|field| field.label.as_str()).collect();
    match labels.is_empty() {
        true => between(part.bytes).to_owned(),
        false => labels.join(", "),
    }
}

fn section(reference: Option<Reference>) -> String {
    let linked = reference.map(|Reference { rfc, section }| {
        format!(
            " <a class=\"rfc\" href=\"https://www.rfc-editor.org/rfc/rfc{rfc}#section-{section}\">\
             RFC {rfc}, {section}</a>"
        )
    });
    linked.unwrap_or_default()
}

fn step(page: &mut String, item: &Item, step: &Step) -> std::fmt::Result {
    match step {
        Step::Unmask { rows, .. } => {
            page.push_str("        <table><caption>Unmasked: RFC 6455, 5.3</caption>\n");
            let row = |name: &str, cell: &dyn Fn(usize) -> String| {
                let cells: String =
                    (0..rows.len()).map(|at| format!("<td>{}</td>", cell(at))).collect();
                format!("          <tr><th scope=\"row\">{name}</th>{cells}</tr>\n")
            };
            page.push_str(&row("on the wire", &|at| hex(&[rows[at].masked])));
            page.push_str(&row("XOR key", &|at| hex(&[rows[at].key])));
            page.push_str(&row("payload", &|at| hex(&[rows[at].plain])));
            page.push_str(&row("as ASCII", &|at| match rows[at].plain {
                plain @ b'!'..=b'~' => escape(&char::from(plain).to_string()),
                _ => "\u{b7}".to_owned(),
            }));
            page.push_str("        </table>\n");
        }
        Step::Accept { concatenated, sha1, accept, .. } if item.from == Side::Server => {
            write!(
                page,
                "        <table><caption>The accept key: RFC 6455, 4.2.2</caption>\n          \
                 <tr><th scope=\"row\">key and GUID</th><td>{concatenated}</td></tr>\n          \
                 <tr><th scope=\"row\">SHA-1</th><td>{}</td></tr>\n          \
                 <tr><th scope=\"row\">base64</th><td>{accept}</td></tr>\n        </table>\n",
                hex(&sha1.0)
            )?;
        }
        _ => {}
    }
    Ok(())
}

/// What the receiver makes of it.
fn outcome(page: &mut String, item: &Item) -> std::fmt::Result {
    let receiver = item.receiver.side.name();
    let told = match &item.event {
        None => "nothing yet".to_owned(),
        Some(Told::Handshake { target, .. }) => format!("a request for {target}"),
        Some(Told::Upgraded { .. }) => "that there is a WebSocket".to_owned(),
        Some(Told::Text { text, .. }) => format!("text {text:?}"),
        Some(Told::Close { code: Some(code), reason, .. }) => format!("close {code} {reason:?}"),
        Some(_) => item.summary.clone(),
    };
    write!(
        page,
        "      <p class=\"outcome\">The {receiver} hears: <code>{}</code>",
        escape(&told)
    )?;
    for change in [item.receiver, item.sender] {
        if change.before != change.after {
            let (side, before, after) =
                (change.side.name(), change.before.name(), change.after.name());
            write!(page, ". The {side} was <i>{before}</i>, and is <i>{after}</i>")?;
        }
    }
    page.push_str(".</p>\n");
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const HEAD: &str = r##"<!doctype html>
<!-- Made by `cargo run --example illustrated`; not to be edited by hand. -->
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
  <meta name="color-scheme" content="light dark">
  <meta name="theme-color" content="#f5f2ea" media="(prefers-color-scheme: light)">
  <meta name="theme-color" content="#10151d" media="(prefers-color-scheme: dark)">
  <meta name="referrer" content="no-referrer">
  <meta name="description" content="A WebSocket connection, with every byte explained.">
  <title>The illustrated connection · wigwag</title>
  <link rel="icon" href="assets/favicon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="assets/style.css">
  <link rel="stylesheet" href="assets/illustrated.css">
</head>

<body>
  <header class="bar">
    <a class="brand" href="/" aria-label="wigwag, start page">
      <svg class="flag" viewBox="0 0 32 32" aria-hidden="true">
        <path class="pole" d="M8 29 8 4"/>
        <path class="cloth" d="M9 5h18v15H9z"/>
        <path class="patch" d="M15 10h6v5h-6z"/>
      </svg>
      <span>wigwag</span>
    </a>
    <p class="tagline">A WebSocket connection, with every byte explained</p>
  </header>

  <main class="illustrated">
    <h1>The illustrated connection</h1>
    <p class="lead">A client says hello to a server that sends everything back. It sends a message in
      two pieces, asks a question in between, and says goodbye. This is all that goes over the wire,
      from the first byte to the last. <span class="key client">What the client sends</span> is on
      the left, <span class="key server">what the server sends</span> on the right.</p>
    <p class="lead">Open a record to see its bytes. Each part of them is a link to what it means; point
      at one, or go there with the Tab key, and both light up. The key of the handshake, the masking
      key and the words are those of RFC 6455.</p>
"##;

const FOOT: &str = r#"
    <p class="lead">Both directions have ended, in order: the server has closed the TCP connection
      first, and the client after it. Nothing was lost, and both know it.</p>
  </main>
</body>
</html>
"#;

fn main() -> Result<(), Box<dyn Error>> {
    print!("{}", page()?);
    Ok(())
}
