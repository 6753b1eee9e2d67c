//! The same bytes to wigwag and to tungstenite, both as servers: the same messages, pings, pongs
//! and close must come of them, the same answers must go out, and both must find fault with the
//! same frame or with none.
//!
//! Where they may differ is written down in [`Allowed`], each with its reason; and a difference is
//! allowed only where a third reader, [`Frame`], sees in the input itself that the reason holds.
//!
//! `cargo test` does not replay the seeds of this target: tungstenite is a dependency of `fuzz/`
//! only.
//!
//! Input: the size of each read (0: one read for all), then what a client sent after its handshake.

#![no_main]

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use tungstenite::error::{CapacityError, ProtocolError};
use tungstenite::protocol::{Role as TheirRole, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};
use wigwag::protocol::{CloseCode, Connection, Limits, State, Violation};
use wigwag::trace::script::Seen;

/// The longest message, for both. More than a control frame can hold, so that a fault of length in
/// one of those is never one of size.
const LIMIT: usize = 300;

/// Every way in which the two may differ.
#[derive(Debug)]
enum Allowed {
    /// wigwag finds fault with the first wrong byte, tungstenite when the header or the frame is
    /// complete. RFC 6455, 7.1.7 does not say when; 8.1 wants invalid UTF-8 to fail the connection,
    /// not the end of the frame. Checked: once the frame is completed, tungstenite finds fault too.
    Later,
    /// A frame breaks several rules, and each names another one of them: no section says which
    /// comes first. Checked: the frame breaks both rules.
    OtherFaultOfTheSameFrame,
    /// 5.2: "the minimal number of bytes MUST be used to encode the length". tungstenite takes any.
    /// A control frame so written is for wigwag one over 125 bytes (5.5), for its first seven bits.
    /// Checked: the frame has such a length. What tungstenite sees from there on is not compared.
    LongLength,
    /// 7.4.1: a code that "MUST NOT be set as a status code in a Close control frame". wigwag finds
    /// fault; tungstenite reports a close of 1002, and answers with that. Checked: the frame is a
    /// Close with a code that must not be sent, and both answer 1002.
    CloseCode,
    /// 7.4.2: codes up to 2999 may be registered later; 1014 was, and wigwag knows it. tungstenite
    /// counts it among those that must not be sent, and treats it so. Checked: the code is 1014.
    BadGateway,
}

/// How it went with the input.
#[derive(Debug, PartialEq)]
enum End<Fault> {
    /// More may come.
    Open,
    /// A Close frame came.
    Closed,
    Failed(Fault),
}

#[derive(Debug)]
struct Outcome<Fault> {
    events: Vec<Seen>,
    output: Vec<u8>,
    end: End<Fault>,
}

/// A rule that is broken, in terms that both can be put in.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    ReservedBits,
    ReservedOpcode,
    Unmasked,
    FragmentedControl,
    LongControl,
    LongLength,
    TopBit,
    NothingToContinue,
    Unfinished,
    TooBig,
    Text,
    CloseBody,
    CloseCode,
    CloseReason,
}

fuzz_target!(|data: &[u8]| {
    let Some((&size, input)) = data.split_first() else {
        return;
    };
    let size = if size == 0 { usize::MAX } else { size.into() };
    let ours = wigwag(input, size);
    let theirs = tungstenite(input, size);
    if let Err(why) = compare(input, &ours, &theirs) {
        panic!("{why}\nwigwag: {ours:?}\ntungstenite: {theirs:?}");
    }
});

fn wigwag(input: &[u8], size: usize) -> Outcome<Violation> {
    let now = Instant::now();
    // How many empty fragments are too many is for each to say: RFC 6455, 10.4. There are too few
    // bytes here for such a limit, so it is none.
    let limits = Limits { max_message: LIMIT, max_empty_fragments: u32::MAX, ..Limits::default() };
    let mut connection = Connection::server(Arc::new(limits), now);
    let (mut events, mut output, mut end) = (Vec::new(), Vec::new(), End::Open);
    for mut read in input.to_vec().chunks_mut(size) {
        while let Some((event, _)) = connection.receive(now, &mut read) {
            match Seen::from(event) {
                Seen::Violation(violation) => end = End::Failed(violation),
                seen => {
                    if matches!(seen, Seen::Close(_)) {
                        end = End::Closed;
                    }
                    events.push(seen);
                }
            }
            output.extend_from_slice(connection.pending_output());
            connection.advance_output(usize::MAX);
        }
    }
    assert_eq!(connection.state() == State::Closed, end != End::Open);
    Outcome { events, output, end }
}

/// A transport in memory.
struct Transport<'a> {
    input: &'a [u8],
    size: usize,
    output: Vec<u8>,
}

impl Read for Transport<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.input.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let size = self.size.min(buffer.len());
        self.input.read(&mut buffer[..size])
    }
}

impl Write for Transport<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn tungstenite(input: &[u8], size: usize) -> Outcome<Fault> {
    let config = WebSocketConfig::default()
        .read_buffer_size(1024)
        .write_buffer_size(0)
        .max_message_size(Some(LIMIT))
        .max_frame_size(Some(LIMIT));
    let transport = Transport { input, size, output: Vec::new() };
    let mut socket = WebSocket::from_raw_socket(transport, TheirRole::Server, Some(config));
    let (mut events, mut closed) = (Vec::new(), false);
    let end = loop {
        match socket.read() {
            Ok(Message::Close(frame)) => {
                closed = true;
                events.push(match frame {
                    None => Seen::Close(None),
                    Some(frame) => {
                        let code = CloseCode::new(frame.code.into()).expect("an allowed code");
                        Seen::Close(Some((code, frame.reason.to_string())))
                    }
                });
            }
            Ok(message) => events.push(seen(message)),
            Err(Error::ConnectionClosed) if closed => break End::Closed,
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => break End::Open,
            Err(error) => break End::Failed(fault(error)),
        }
    };
    Outcome { events, output: socket.into_inner().output, end }
}

fn seen(message: Message) -> Seen {
    match message {
        Message::Text(text) => Seen::Text(text.to_string()),
        Message::Binary(payload) => Seen::Binary(payload.to_vec()),
        Message::Ping(payload) => Seen::Ping(payload.to_vec()),
        Message::Pong(payload) => Seen::Pong(payload.to_vec()),
        other => panic!("{other:?}"),
    }
}

/// What tungstenite says, in our terms. Its `Utf8` is for texts and close reasons: [`same`].
fn fault(error: Error) -> Fault {
    match error {
        Error::Utf8(_) => Fault::Text,
        Error::Capacity(CapacityError::MessageTooLong { .. }) => Fault::TooBig,
        Error::Protocol(error) => match error {
            ProtocolError::NonZeroReservedBits => Fault::ReservedBits,
            ProtocolError::InvalidOpcode(_) => Fault::ReservedOpcode,
            ProtocolError::UnmaskedFrameFromClient => Fault::Unmasked,
            ProtocolError::FragmentedControlFrame => Fault::FragmentedControl,
            ProtocolError::ControlFrameTooBig => Fault::LongControl,
            ProtocolError::UnexpectedContinueFrame => Fault::NothingToContinue,
            ProtocolError::ExpectedFragment(_) => Fault::Unfinished,
            ProtocolError::InvalidCloseSequence => Fault::CloseBody,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn our_fault(violation: Violation) -> Fault {
    match violation {
        Violation::ReservedBits => Fault::ReservedBits,
        Violation::ReservedOpcode => Fault::ReservedOpcode,
        Violation::UnmaskedFrame => Fault::Unmasked,
        Violation::FragmentedControlFrame => Fault::FragmentedControl,
        Violation::ControlFrameTooLong => Fault::LongControl,
        Violation::LengthNotMinimal => Fault::LongLength,
        Violation::LengthTopBitSet => Fault::TopBit,
        Violation::NothingToContinue => Fault::NothingToContinue,
        Violation::MessageUnfinished => Fault::Unfinished,
        Violation::MessageTooBig => Fault::TooBig,
        Violation::InvalidUtf8InText => Fault::Text,
        Violation::CloseBodyOfOneByte => Fault::CloseBody,
        Violation::InvalidCloseCode => Fault::CloseCode,
        Violation::InvalidUtf8InCloseReason => Fault::CloseReason,
        other => panic!("{other:?} cannot come of these limits"),
    }
}

/// Whether both are the same fault: tungstenite has one name for wrong UTF-8, wherever it is.
fn same(ours: Fault, theirs: Fault) -> bool {
    ours == theirs || (ours, theirs) == (Fault::CloseReason, Fault::Text)
}

/// `Ok(None)`: no difference at all.
fn compare(
    input: &[u8],
    ours: &Outcome<Violation>,
    theirs: &Outcome<Fault>,
) -> Result<Option<Allowed>, String> {
    if let Some(allowed) = close_of_1014(ours, theirs)? {
        return Ok(Some(allowed));
    }
    let violation = match ours.end {
        End::Failed(violation) => violation,
        _ => {
            let alike = ours.events == theirs.events && ours.output == theirs.output;
            let both_closed = ours.end == End::Closed && theirs.end == End::Closed;
            let both_open = ours.end == End::Open && theirs.end == End::Open;
            let same = alike && (both_closed || both_open);
            return same.then_some(None).ok_or("different where nothing is wrong".to_owned());
        }
    };
    let (frame, in_message) = Frame::at_fault(input);
    let fault = our_fault(violation);
    // However it ends for tungstenite, it has seen and answered the same before.
    if !theirs.events.starts_with(&ours.events) {
        return Err("different before the fault".to_owned());
    }
    let answer = answer_of(violation);
    let Some(before) = ours.output.strip_suffix(&answer[..]) else {
        return Err("our Close frame is not the last that we sent, or not this one".to_owned());
    };
    if !theirs.output.starts_with(before) {
        return Err("different answers before the fault".to_owned());
    }
    // wigwag sees from the first seven bits that a control frame has a length it cannot have.
    let of_length = matches!(fault, Fault::LongLength | Fault::LongControl);
    if of_length && frame.complete && frame.faults(in_message).contains(&Fault::LongLength) {
        return Ok(Some(Allowed::LongLength));
    }
    if fault == Fault::CloseCode && theirs.end == End::Closed {
        return close_code(&frame, ours, theirs, before).map(Some);
    }
    if theirs.events.len() != ours.events.len() || theirs.output != before {
        return Err("tungstenite went on".to_owned());
    }
    match theirs.end {
        End::Failed(theirs) if same(fault, theirs) => Ok(None),
        End::Failed(theirs) => {
            let faults = frame.faults(in_message);
            let both =
                [fault, theirs].iter().all(|&one| faults.iter().any(|&other| same(other, one)));
            let allowed = Some(Allowed::OtherFaultOfTheSameFrame);
            both.then_some(allowed).ok_or(format!("only {faults:?} is wrong"))
        }
        End::Open => later(input, &frame, ours),
        End::Closed => Err("tungstenite has closed".to_owned()),
    }
}

/// The Close frame with which wigwag answers a violation.
fn answer_of(violation: Violation) -> Vec<u8> {
    let rule = violation.rule();
    let body = [&rule.code.get().to_be_bytes()[..], rule.sentence.as_bytes()].concat();
    [&[0x88, body.len() as u8], &body[..]].concat()
}

/// Whether it is [`Allowed::CloseCode`].
fn close_code(
    frame: &Frame,
    ours: &Outcome<Violation>,
    theirs: &Outcome<Fault>,
    before: &[u8],
) -> Result<Allowed, String> {
    let forbidden = frame.opcode == 8 && frame.faults(false).contains(&Fault::CloseCode);
    let instead = Seen::Close(Some((CloseCode::PROTOCOL_ERROR, "Protocol violation".to_owned())));
    let answered = [before, b"\x88\x14\x03\xeaProtocol violation"].concat();
    let one_more = theirs.events[ours.events.len()..] == [instead];
    let alike = forbidden && one_more && theirs.output == answered;
    alike.then_some(Allowed::CloseCode).ok_or("this close code is right".to_owned())
}

/// Whether it is [`Allowed::BadGateway`].
fn close_of_1014(
    ours: &Outcome<Violation>,
    theirs: &Outcome<Fault>,
) -> Result<Option<Allowed>, String> {
    let Some((Seen::Close(Some((code, reason))), before)) = ours.events.split_last() else {
        return Ok(None);
    };
    if code.get() != 1014 {
        return Ok(None);
    }
    let answer = [&[0x88, 2 + reason.len() as u8, 0x03, 0xf6], reason.as_bytes()].concat();
    let answered = ours.output.strip_suffix(&answer[..]).ok_or("our answer is another")?;
    let their_answer = [answered, b"\x88\x14\x03\xeaProtocol violation"].concat();
    let instead = Seen::Close(Some((CloseCode::PROTOCOL_ERROR, "Protocol violation".to_owned())));
    let alike = theirs.events.split_last() == Some((&instead, before))
        && theirs.output == their_answer
        && theirs.end == End::Closed;
    alike.then_some(Some(Allowed::BadGateway)).ok_or("1014 is no reason for this".to_owned())
}

/// Whether it is [`Allowed::Later`].
fn later(
    input: &[u8],
    frame: &Frame,
    ours: &Outcome<Violation>,
) -> Result<Option<Allowed>, String> {
    if frame.complete {
        return Err("tungstenite finds no fault with a complete frame".to_owned());
    }
    let input = [input, &frame.missing[..]].concat();
    // wigwag reads nothing after its fault, so nothing changes for it.
    match compare(&input, ours, &tungstenite(&input, usize::MAX)) {
        Ok(_) => Ok(Some(Allowed::Later)),
        Err(why) => Err(format!("when the frame is complete: {why}")),
    }
}

/// A frame as a third reader sees it, who judges nothing until asked.
struct Frame {
    first: u8,
    second: u8,
    opcode: u8,
    length: u64,
    /// How many bytes the length was written in, besides the seven bits.
    extended: usize,
    /// The payload unmasked, as far as it is there.
    payload: Vec<u8>,
    complete: bool,
    /// What completes it, as little as possible: zeros.
    missing: Vec<u8>,
    /// How long the message is, and what its text is, with the frames before this one.
    message: Vec<u8>,
    is_text: bool,
}

impl Frame {
    /// The first frame that is wrong, or else the last; and whether it stands within a message.
    fn at_fault(input: &[u8]) -> (Self, bool) {
        let (mut rest, mut message) = (input, None::<(bool, Vec<u8>)>);
        loop {
            let (mut frame, size) = Self::read(rest);
            let in_message = message.is_some();
            if let Some((is_text, before)) = &message
                && frame.opcode == 0
            {
                frame.message = before.clone();
                frame.is_text = *is_text;
            }
            frame.message.extend_from_slice(&frame.payload);
            rest = &rest[size..];
            if rest.is_empty() || !frame.faults(in_message).is_empty() {
                return (frame, in_message);
            }
            if frame.opcode < 8 {
                let fin = frame.first & 0x80 != 0;
                message = (!fin).then_some((frame.is_text, frame.message));
            }
        }
    }

    /// The frame at the start, and how many bytes it takes.
    fn read(input: &[u8]) -> (Self, usize) {
        // A byte that is not there is such that it makes the least of the frame.
        let at = |index: usize| input.get(index).copied();
        let first = at(0).unwrap_or(0x80);
        let second = at(1).unwrap_or(0x80);
        let extended = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let length = match extended {
            0 => u64::from(second & 0x7f),
            _ => (2..2 + extended)
                .fold(0, |length, index| length << 8 | u64::from(at(index).unwrap_or(0))),
        };
        let masked = second & 0x80 != 0;
        let start = 2 + extended + if masked { 4 } else { 0 };
        let key = |index: usize| at(2 + extended + index % 4).filter(|_| masked).unwrap_or(0);
        // Nobody waits for the payload of a frame that is over the limit.
        let end = start + if length > LIMIT as u64 { 0 } else { length as usize };
        let body = input.get(start..end.min(input.len())).unwrap_or_default();
        let payload = body.iter().enumerate().map(|(index, byte)| byte ^ key(index)).collect();
        let complete = input.len() >= end;
        let mut missing = Vec::new();
        for index in input.len()..end.max(input.len()) {
            missing.push(if index == 1 { 0x80 } else { 0 });
        }
        let opcode = first & 0x0f;
        let (message, is_text) = (Vec::new(), opcode == 1);
        let frame = Self {
            first,
            second,
            opcode,
            length,
            extended,
            payload,
            complete,
            missing,
            message,
            is_text,
        };
        (frame, end.min(input.len()))
    }

    /// Every rule that it breaks.
    fn faults(&self, in_message: bool) -> Vec<Fault> {
        let (fin, control) = (self.first & 0x80 != 0, self.opcode >= 8);
        let before = (self.message.len() - self.payload.len().min(self.message.len())) as u64;
        let shortest = match self.length {
            0..126 => 0,
            126..65536 => 2,
            _ => 8,
        };
        let close = self.complete && self.opcode == 8;
        let code = match self.payload[..] {
            [high, low, ..] => u16::from_be_bytes([high, low]),
            _ => 1000,
        };
        let reason = self.payload.get(2..).unwrap_or_default();
        let text_is_wrong = match str::from_utf8(&self.message) {
            Ok(_) => false,
            Err(error) => error.error_len().is_some() || (self.complete && fin),
        };
        [
            (self.first & 0x70 != 0, Fault::ReservedBits),
            (matches!(self.opcode, 3..=7 | 11..=15), Fault::ReservedOpcode),
            (self.second & 0x80 == 0, Fault::Unmasked),
            (control && !fin, Fault::FragmentedControl),
            (control && self.second & 0x7f > 125, Fault::LongControl),
            (self.extended > shortest, Fault::LongLength),
            (self.length > i64::MAX as u64, Fault::TopBit),
            (self.opcode == 0 && !in_message, Fault::NothingToContinue),
            (matches!(self.opcode, 1 | 2) && in_message, Fault::Unfinished),
            // tungstenite judges the size of control frames too.
            (self.length.saturating_add(before) > LIMIT as u64, Fault::TooBig),
            (!control && self.is_text && text_is_wrong, Fault::Text),
            (close && self.payload.len() == 1, Fault::CloseBody),
            (close && !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999), Fault::CloseCode),
            (close && str::from_utf8(reason).is_err(), Fault::CloseReason),
        ]
        .into_iter()
        .filter_map(|(broken, fault)| broken.then_some(fault))
        .collect()
    }
}
