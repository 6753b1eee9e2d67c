//! The heads of the handshake: RFC 6455, section 4.
//!
//! As with frames, a head is read leniently, line by line, and judged by the core.

use base64::Engine;
use base64::alphabet;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use sha1::{Digest, Sha1};

use super::item::{DeflateValues, Fault, Field, Hex, Reference, Step, Told};
use super::{frame::lossy, source};
use crate::protocol::deflate::{DeflateMode, DeflateParameters};
use crate::protocol::handshake::{
    ClientHandshakeError, ClientRequest, GUID, HandshakeError, MAX_HEADERS, Request, ServerOptions,
    accept, accept_key, extensions, tokens,
};

/// What was asked for, as far as it decides which answer is right.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    key: String,
    request: ClientRequest,
}

/// What came of judging a head.
pub(super) struct Verdict {
    pub(super) event: Option<Told>,
    pub(super) fault: Option<Fault>,
    pub(super) steps: Vec<Step>,
    pub(super) notes: Vec<String>,
    /// Of a request that is right.
    pub(super) asked: Option<Asked>,
    /// Of a response that opens a WebSocket: whether messages may be compressed.
    pub(super) opens: Option<Option<DeflateParameters>>,
}

impl Verdict {
    const NOTHING: Self = Self {
        event: None,
        fault: None,
        steps: Vec::new(),
        notes: Vec::new(),
        asked: None,
        opens: None,
    };

    pub(super) fn refused(error: HandshakeError, source: source::Place) -> Self {
        Self { fault: Some(fault(error, source)), ..Self::NOTHING }
    }
}

/// 4.2.2, worked out.
pub(super) fn accept_step(key: &str) -> Step {
    let concatenated = [key, GUID].concat();
    let hash = Sha1::digest(&concatenated);
    Step::Accept {
        key: key.to_owned(),
        guid: GUID,
        concatenated,
        sha1: Hex(hash.to_vec()),
        accept: accept_key(key),
    }
}

/// Judges the whole head of a request.
pub(super) fn judge_request(head: &[u8]) -> Verdict {
    let request = match Request::parse(head, MAX_HEADERS) {
        Ok(request) => request,
        Err(error) => return Verdict::refused(error, source::HEADS),
    };
    if !request.is_websocket_attempt() {
        let (method, target) = (request.method().to_owned(), request.target().to_owned());
        return Verdict { event: Some(Told::Plain { method, target }), ..Verdict::NOTHING };
    }
    let key = request.header_values("sec-websocket-key").next().map(lossy).unwrap_or_default();
    let steps = if key.is_empty() { Vec::new() } else { vec![accept_step(&key)] };
    let options = ServerOptions { deflate: DeflateMode::Takeover, ..ServerOptions::default() };
    if let Err(error) = accept(&request, &options) {
        return Verdict { steps, ..Verdict::refused(error, source::REQUESTS) };
    }
    let subprotocols: Vec<String> =
        tokens::elements(request.header_values("sec-websocket-protocol")).map(lossy).collect();
    let offers = extensions::parse(request.header_values("sec-websocket-extensions"));
    let offers = offers.unwrap_or_default();
    let mut asked = ClientRequest::new("", request.path(), decode_key(&key));
    asked.subprotocols.clone_from(&subprotocols);
    asked.deflate = offers.iter().any(|offer| offer.name == extensions::PERMESSAGE_DEFLATE);
    let event = Told::Handshake {
        target: request.target().to_owned(),
        subprotocols,
        extensions: offers.iter().map(|offer| offer.name.to_owned()).collect(),
    };
    Verdict {
        event: Some(event),
        steps,
        asked: Some(Asked { key, request: asked }),
        ..Verdict::NOTHING
    }
}

/// Judges the whole head of a response to what was asked, if that was seen.
pub(super) fn judge_response(head: &[u8], asked: Option<&Asked>) -> Verdict {
    let Some(asked) = asked else { return judge_unasked(head) };
    let steps = vec![accept_step(&asked.key)];
    // The core encodes the key's 16 bytes anew. A key may stand on the wire in more than one way:
    // the last character has four bits that mean nothing.
    let canonical = accept_key(&BASE64_STANDARD.encode(asked.request.key));
    let head = replace(head, accept_key(&asked.key).as_bytes(), canonical.as_bytes());
    match asked.request.verify(&head) {
        Ok(established) => {
            let deflate = established.extensions.deflate();
            let subprotocol = established.subprotocol;
            let event = Told::Upgraded { subprotocol, deflate: deflate.map(Into::into) };
            Verdict { event: Some(event), steps, opens: Some(deflate), ..Verdict::NOTHING }
        }
        Err(ClientHandshakeError::Status(status)) => {
            Verdict { event: Some(Told::Answered { status }), ..Verdict::NOTHING }
        }
        Err(error) => Verdict { fault: Some(response_fault(error)), steps, ..Verdict::NOTHING },
    }
}

/// Judges a response alone, by a request that would have asked for what it answers.
fn judge_unasked(head: &[u8]) -> Verdict {
    let lines = || header_lines(head).skip(1);
    let value = |wanted: &str| {
        lines().find_map(|(_, line)| {
            let (name, value) = split_header(line)?;
            name.eq_ignore_ascii_case(wanted.as_bytes()).then(|| lossy(value))
        })
    };
    let key = BASE64_STANDARD.encode([0; 16]);
    let mut request = ClientRequest::new("", "/", [0; 16]);
    request.deflate = true;
    request.subprotocols.extend(value("sec-websocket-protocol"));
    let accept = value("sec-websocket-accept").unwrap_or_default();
    let is_hash = BASE64_STANDARD.decode(&accept).is_ok_and(|hash| hash.len() == 20);
    let head = match is_hash {
        true => replace(head, accept.as_bytes(), accept_key(&key).as_bytes()),
        false => head.to_vec(),
    };
    let note = "the request was not seen, so whether the accept value answers its key is unknown";
    let asked = Asked { key, request };
    let verdict = judge_response(&head, Some(&asked));
    let notes = if verdict.opens.is_some() { vec![note.to_owned()] } else { Vec::new() };
    Verdict { steps: Vec::new(), notes, ..verdict }
}

impl From<DeflateParameters> for DeflateValues {
    fn from(agreed: DeflateParameters) -> Self {
        Self {
            server_no_context_takeover: agreed.server_no_context_takeover,
            client_no_context_takeover: agreed.client_no_context_takeover,
            server_max_window_bits: agreed.server_max_window_bits,
            client_max_window_bits: agreed.client_max_window_bits,
        }
    }
}

fn fault(error: HandshakeError, source: source::Place) -> Fault {
    Fault {
        name: format!("HandshakeError::{error:?}"),
        close_code: None,
        close_name: None,
        status: Some(error.status()),
        section: error.section().to_owned(),
        sentence: error.sentence().to_owned(),
        advice: Some(error.advice()),
        source,
    }
}

fn response_fault(error: ClientHandshakeError) -> Fault {
    Fault {
        name: format!("ClientHandshakeError::{error:?}"),
        close_code: None,
        close_name: None,
        status: None,
        section: "RFC 6455, 4.1".to_owned(),
        sentence: error.to_string(),
        advice: None,
        source: source::RESPONSES,
    }
}

/// The 16 bytes of a key that the core has found to be right.
fn decode_key(key: &str) -> [u8; 16] {
    // As in the core: the bits that are left over in the last character may be anything.
    const BASE64: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
    );
    let decoded = BASE64.decode(key).unwrap_or_default();
    decoded.try_into().unwrap_or_default()
}

fn replace(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let found = if old.is_empty() { None } else { memchr::memmem::find(bytes, old) };
    let Some((before, rest)) = found.and_then(|at| bytes.split_at_checked(at)) else {
        return bytes.to_vec();
    };
    [before, new, rest.get(old.len()..).unwrap_or_default()].concat()
}

/// The lines of a head, each with where it begins, without the CR LF at its end.
fn header_lines(head: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    head.split_inclusive(|&byte| byte == b'\n').map(move |line| {
        let start = at;
        at += line.len();
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        (start, line.strip_suffix(b"\r").unwrap_or(line))
    })
}

fn split_header(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memchr(b':', line)?;
    Some((line.get(..colon)?, tokens::trim(line.get(colon + 1..)?)))
}

/// The fields of a head, or of what there is of it.
pub(super) fn fields(head: &[u8], response: bool) -> Vec<Field> {
    let mut fields = Vec::new();
    for (index, (start, line)) in header_lines(head).enumerate() {
        if index == 0 {
            first_line(line, response, &mut fields);
        } else if !line.is_empty() {
            fields.push(header(start, line, response));
        }
    }
    fields
}

/// The summary of a head: its first line.
pub(super) fn first_line_of(head: &[u8]) -> String {
    lossy(header_lines(head).next().map_or(&[][..], |(_, line)| line))
}

fn first_line(line: &[u8], response: bool, fields: &mut Vec<Field>) {
    type Part = (&'static str, &'static str, &'static str);
    const REQUEST: [Part; 3] = [
        ("http.request.method", "Method", "the handshake is a GET"),
        ("http.request.uri", "Target", "what is asked for: the path chooses the application"),
        ("http.request.version", "Version", "Upgrade exists from HTTP/1.1 on"),
    ];
    const RESPONSE: [Part; 3] = [
        ("http.response.version", "Version", "101 exists from HTTP/1.1 on"),
        ("http.response.code", "Status", "101 says: from here on, WebSocket; any other: no"),
        ("http.response.phrase", "Reason", "for humans"),
    ];
    let mut start = 0;
    let parts = if response { RESPONSE } else { REQUEST };
    for (part, (name, label, meaning)) in line.splitn(3, |&byte| byte == b' ').zip(parts) {
        let end = start + part.len() as u64;
        fields.push(Field {
            name,
            start,
            end,
            mask: None,
            bits: None,
            label: label.into(),
            value: lossy(part),
            meaning: meaning.into(),
            rfc: Some(Reference { rfc: 6455, section: if response { "4.2.2" } else { "4.1" } }),
        });
        start = end + 1;
    }
}

fn header(start: usize, line: &[u8], response: bool) -> Field {
    let (label, value) = split_header(line).unwrap_or((line, b""));
    let lower = String::from_utf8_lossy(label).to_ascii_lowercase();
    let known = KNOWN.iter().find(|(header, ..)| *header == lower);
    let other = if response { "http.response.line" } else { "http.request.line" };
    let (name, mut meaning, mut section) =
        known.map_or((other, "", ""), |&(_, name, meaning, section)| (name, meaning, section));
    if lower == "connection" && !tokens::contains([value].into_iter(), "upgrade") {
        (meaning, section) = ("", "");
    }
    Field {
        name,
        start: start as u64,
        end: (start + line.len()) as u64,
        mask: None,
        bits: None,
        label: lossy(label),
        value: lossy(value),
        meaning: meaning.into(),
        rfc: (!section.is_empty()).then_some(Reference { rfc: 6455, section }),
    }
}

/// Headers with a field of their own: the name in lower case, Wireshark's, the meaning, and the
/// section of RFC 6455 that speaks of it.
const KNOWN: [(&str, &str, &str, &str); 24] = [
    ("host", "http.host", "whom the client believes to speak to", "4.1"),
    ("upgrade", "http.upgrade", "the protocol to change to", "4.1"),
    (
        "connection",
        "http.connection",
        "Upgrade is for the next hop, and must be listed here",
        "4.1",
    ),
    (
        "sec-websocket-key",
        "http.sec_websocket_key",
        "16 random bytes in base64: the answer must prove that they were read",
        "11.3.1",
    ),
    (
        "sec-websocket-accept",
        "http.sec_websocket_accept",
        "the proof: made of the key, by a server that knows WebSocket",
        "11.3.3",
    ),
    (
        "sec-websocket-version",
        "http.sec_websocket_version",
        "13 is the version of RFC 6455",
        "11.3.5",
    ),
    (
        "sec-websocket-protocol",
        "http.sec_websocket_protocol",
        "what the messages mean: a client offers names, a server chooses one",
        "11.3.4",
    ),
    (
        "sec-websocket-extensions",
        "http.sec_websocket_extensions",
        "what may change the frames, such as compression: offered, then agreed to",
        "11.3.2",
    ),
    ("origin", "http.request.line", "the page that connects; browsers do not let it lie", "10.2"),
    ("user-agent", "http.user_agent", "", ""),
    ("accept", "http.accept", "", ""),
    ("accept-encoding", "http.accept_encoding", "", ""),
    ("accept-language", "http.accept_language", "", ""),
    ("cache-control", "http.cache_control", "", ""),
    ("content-type", "http.content_type", "", ""),
    ("content-length", "http.content_length_header", "", ""),
    ("content-encoding", "http.content_encoding", "", ""),
    ("transfer-encoding", "http.transfer_encoding", "", ""),
    ("cookie", "http.cookie", "", ""),
    ("date", "http.date", "", ""),
    ("location", "http.location", "", ""),
    ("referer", "http.referer", "", ""),
    ("server", "http.server", "", ""),
    ("www-authenticate", "http.www_authenticate", "", ""),
];
