//! One WebSocket, in either role: RFC 6455, sections 5 to 7, put together.
//!
//! # The contract
//!
//! Whoever drives a [`Connection`] (the server's loop, a client, a fuzzer, a test script):
//!
//! 1. hands what the transport delivered to [`Connection::receive`], again and again until it
//!    returns `None`, answering each event through the outbox that comes with it;
//! 2. writes [`Connection::pending_output`] and reports with [`Connection::advance_output`];
//! 3. says [`Connection::receive_eof`] when the transport has ended;
//! 4. calls [`Connection::handle_timeout`] once [`Connection::next_timeout`] has come;
//! 5. half-closes the transport when [`Connection::wants_shutdown`], then reads and discards until
//!    the peer has closed too; drops it at once when [`Connection::wants_drop`].
//!
//! Each step may be taken at any time and none can fail.
//!
//! # States
//!
//! ```text
//!          we send Close                    the peer's Close arrives
//!  Open ------------------> Closing --------------------------------.
//!    |                         | close deadline, end of transport    v
//!    `-------------------------+----------------------------------> Closed
//!       the peer's Close arrives (and is answered), a violation, end of transport
//! ```

mod item;
mod step;

use std::sync::Arc;
use std::time::Instant;

use super::close::CloseCode;
use super::deflate::{DeflateOptions, DeflateParameters, DeflatePool, Deflater, Inflater};
use super::event::{Closure, EndedBy, Event, State};
use super::limits::Limits;
use super::masking::{MaskingKeys, Role};
use super::message::{Message, Unfinished};
use super::outbox::Outbox;
use super::violation::Violation;
use item::Item;

/// One WebSocket after its handshake.
pub struct Connection {
    limits: Arc<Limits>,
    outbox: Outbox,
    unfinished: Option<Box<Unfinished>>,
    /// Inflates compressed messages, if permessage-deflate was agreed on.
    inflater: Option<Box<Inflater>>,
    /// The latest time that we were told.
    clock: Instant,
    /// When the peer was last heard.
    heard: Instant,
    /// Since when an answer is awaited: to our ping while open, to our Close frame while closing.
    waiting_since: Option<Instant>,
    closure: Option<Closure>,
    role: Role,
    /// Whether the wait for the peer's Close frame has begun: it turns `waiting_since` into that.
    closing: bool,
    transport_ended: bool,
    gave_up: bool,
}

impl Connection {
    /// The server's end: it expects masked frames.
    pub fn server(limits: Arc<Limits>, now: Instant) -> Self {
        Self::new(Role::Server, limits, now, None)
    }

    /// The client's end: it masks its frames, with keys from `masking_keys`.
    pub fn client(limits: Arc<Limits>, now: Instant, masking_keys: Box<dyn MaskingKeys>) -> Self {
        Self::new(Role::Client, limits, now, Some(masking_keys))
    }

    fn new(
        role: Role,
        limits: Arc<Limits>,
        now: Instant,
        masking_keys: Option<Box<dyn MaskingKeys>>,
    ) -> Self {
        Self {
            outbox: Outbox::new(limits.outbox, masking_keys),
            limits,
            unfinished: None,
            inflater: None,
            clock: now,
            heard: now,
            waiting_since: None,
            closure: None,
            role,
            closing: false,
            transport_ended: false,
            gave_up: false,
        }
    }

    /// Uses permessage-deflate from here on, as both sides agreed in the handshake. The pool is
    /// shared by all connections that one loop serves.
    pub fn use_deflate(
        &mut self,
        agreed: &DeflateParameters,
        options: &DeflateOptions,
        pool: &Arc<DeflatePool>,
    ) {
        let inflater = Inflater::new(self.role, agreed, options, Arc::clone(pool));
        self.inflater = Some(Box::new(inflater));
        let deflater = Deflater::new(self.role, agreed, options, Arc::clone(pool));
        self.outbox.compress_with(deflater);
    }

    /// Takes one item from the front of `input`: the event, and the outbox to answer it with. The
    /// payload is unmasked in place, so `input` is written to. `None`: all input is used up.
    pub fn receive<'s, 'i: 's>(
        &'s mut self,
        now: Instant,
        input: &mut &'i mut [u8],
    ) -> Option<(Event<'s>, &'s mut Outbox)> {
        self.tick(now);
        if !input.is_empty() {
            self.heard = now;
            if !self.closing {
                self.waiting_since = None;
            }
        }
        if let Some(unfinished) = &mut self.unfinished {
            unfinished.forget_delivered();
        }
        let found = loop {
            // 1.4: "After receiving a control frame indicating the connection should be closed, a
            // peer [...] discards any further data received". The same holds after a violation:
            // 7.1.7, an endpoint "MUST NOT continue to attempt to process data".
            if self.closure.is_some() {
                *input = &mut [];
                self.unfinished = None;
                return None;
            }
            let step = match self.whole_message(input) {
                Some(whole) => whole.map(|whole| Some(Item::Message(whole))),
                None => self.step(input),
            };
            match step {
                Ok(None) => break None,
                // While we wait for the peer's Close frame, its messages have no reader any more;
                // a browser drops them in this state too.
                Ok(Some(item)) if self.closing && !item.is_close() => self.forget(&item),
                Ok(Some(item)) => break Some(Ok(item)),
                Err(violation) => break Some(Err(violation)),
            }
        };
        if self.unfinished.as_ref().is_some_and(|unfinished| unfinished.is_empty()) {
            self.unfinished = None;
        }
        let event = match found? {
            Ok(item) => item.into_event(self.unfinished.as_deref()),
            Err(violation) => {
                self.fail(violation);
                Event::Violation(violation)
            }
        };
        Some((event, &mut self.outbox))
    }

    /// The transport has ended: no byte will come any more.
    pub fn receive_eof(&mut self) {
        self.transport_ended = true;
        if self.closure.is_none() {
            // Not `closing`: the Close frame may have been queued since the last call.
            let by = if self.outbox.is_closed() { EndedBy::Local } else { EndedBy::Transport };
            self.end(by, self.outbox.close_code(), false);
        }
    }

    /// Does what is due at `now`: pings a silent peer, gives up on one that does not answer, ends a
    /// message that takes too long. Calling it early or late does no harm.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.tick(now);
        if self.next_timeout().is_none_or(|due| due > now) {
            return;
        }
        if self.closing {
            self.gave_up = true;
            if self.closure.is_none() {
                self.end(EndedBy::Local, self.outbox.close_code(), false);
            }
        } else if self.reassembly_due().is_some_and(|due| due <= now) {
            self.fail(Violation::ReassemblyTimedOut);
        } else if self.waiting_since.is_some() {
            self.gave_up = true;
            self.end(EndedBy::Silence, None, false);
        } else {
            // Refused only after a Close frame, and then we are closing.
            let _ = self.outbox.ping(b"");
            self.waiting_since = Some(now);
        }
    }

    /// When [`Connection::handle_timeout`] is to be called; `None`: there is nothing to wait for.
    pub fn next_timeout(&self) -> Option<Instant> {
        let waits_for_server = self.role == Role::Client && !self.transport_ended;
        if self.gave_up || (self.closure.is_some() && !waits_for_server) {
            return None;
        }
        if self.outbox.is_closed() {
            let since = self.waiting_since.filter(|_| self.closing).unwrap_or(self.clock);
            return since.checked_add(self.limits.close_wait);
        }
        let silence = match self.waiting_since {
            Some(since) => since.checked_add(self.limits.pong_wait),
            None => self.heard.checked_add(self.limits.ping_after),
        };
        [silence, self.reassembly_due()].into_iter().flatten().min()
    }

    /// The bytes to write to the transport.
    pub fn pending_output(&self) -> &[u8] {
        self.outbox.pending()
    }

    /// The transport took the first `count` bytes of the pending output.
    pub fn advance_output(&mut self, count: usize) {
        self.outbox.advance(count);
    }

    /// Whether the transport's sending side is to be closed: all is sent, and we are done.
    ///
    /// RFC 6455, 7.1.1: "the underlying TCP connection, in most normal cases, SHOULD be closed first
    /// by the server", so a client waits for the server here.
    pub fn wants_shutdown(&self) -> bool {
        let Some(closure) = self.closure else {
            return false;
        };
        let may_close = match self.role {
            Role::Server => true,
            Role::Client => self.transport_ended || self.gave_up || !closure.clean,
        };
        may_close && self.outbox.pending().is_empty()
    }

    /// Whether the transport is to be dropped at once: the peer does not answer any more.
    pub fn wants_drop(&self) -> bool {
        self.gave_up
    }

    /// Where the connection stands.
    pub fn state(&self) -> State {
        match self.closure {
            Some(_) => State::Closed,
            None if self.outbox.is_closed() => State::Closing,
            None => State::Open,
        }
    }

    /// How the connection ended; `None` as long as it has not.
    pub fn closure(&self) -> Option<Closure> {
        self.closure
    }

    /// The outbox, to send something of our own accord.
    pub fn outbox(&mut self, now: Instant) -> &mut Outbox {
        self.tick(now);
        &mut self.outbox
    }

    /// The peer has been kept waiting by us, so neither its silence nor its unfinished message says
    /// anything: the times for both begin anew.
    pub fn excuse_silence(&mut self, now: Instant) {
        self.tick(now);
        self.heard = now;
        if let Some(unfinished) = &mut self.unfinished
            && let Some(message) = &mut unfinished.message
        {
            message.started = now;
        }
        if !self.closing {
            self.waiting_since = None;
        }
    }

    /// How many bytes are held for this connection, in either direction, until the peer reads or has
    /// sent the rest of a message. The DEFLATE states that context takeover keeps are not among them.
    pub fn held(&self) -> usize {
        let message = self.unfinished.as_ref().and_then(|unfinished| unfinished.message.as_ref());
        let inflater = self.inflater.as_ref();
        self.outbox
            .held()
            .saturating_add(message.map_or(0, Message::held))
            .saturating_add(inflater.map_or(0, |inflater| inflater.borrowed()))
    }

    /// Notes the time, and whether a Close frame was queued since the last call.
    fn tick(&mut self, now: Instant) {
        if self.outbox.is_closed() && !self.closing {
            self.closing = true;
            self.waiting_since = Some(self.clock);
        }
        self.clock = now;
    }

    /// A short cut for what most input is: a whole message, in one frame with a short length, with
    /// nothing unfinished before it. It takes what [`Connection::step`] would take and find no fault
    /// with, at half the price; whatever is out of the ordinary is left to that.
    fn whole_message<'i>(&self, input: &mut &'i mut [u8]) -> Option<Result<Whole<'i>, Violation>> {
        const FIN_TEXT: u8 = 0x81;
        const FIN_BINARY: u8 = 0x82;
        const MASKED: u8 = 0x80;

        let [first @ (FIN_TEXT | FIN_BINARY), second, a, b, c, d, ..] = **input else {
            return None;
        };
        let length = second.checked_sub(MASKED).filter(|&length| length <= 125)?;
        let end = 6_usize.saturating_add(length.into());
        let ordinary = self.role == Role::Server
            && self.unfinished.is_none()
            && usize::from(length) <= self.limits.max_message
            && end <= input.len();
        if !ordinary {
            return None;
        }
        let (frame, rest) = std::mem::take(input).split_at_mut_checked(end)?;
        *input = rest;
        let payload = frame.get_mut(6..)?;
        apply_mask(payload, [a, b, c, d], 0);
        Some(match first {
            FIN_TEXT => {
                str::from_utf8(payload).map(Whole::Text).map_err(|_| Violation::InvalidUtf8InText)
            }
            _ => Ok(Whole::Binary(payload)),
        })
    }

    /// One step: consumes input until there is an item, or none is left.
    fn step<'i>(&mut self, input: &mut &'i mut [u8]) -> Result<Option<Item<'i>>, Violation> {
        while !input.is_empty() {
            let partial = self.unfinished.as_mut().and_then(|unfinished| unfinished.frame.take());
            let (header, received) = match partial {
                Some(PartialFrame { header, received }) => (header, received),
                None => match self.take_header(input)? {
                    Some(header) => (header, 0),
                    None => return Ok(None),
                },
            };
            let wanted = header.payload_length.saturating_sub(received);
            let available = usize::try_from(wanted).map_or(input.len(), |w| w.min(input.len()));
            let Some((piece, rest)) = std::mem::take(input).split_at_mut_checked(available) else {
                return Ok(None);
            };
            *input = rest;
            if let Some(key) = header.masking_key {
                apply_mask(piece, key, received);
            }
            let complete = piece.len() as u64 == wanted;
            let piece = &*piece;
            let item = if header.opcode.is_control() {
                self.control_piece(&header, piece, complete)?
            } else {
                self.data_piece(&header, piece, received == 0 && complete, complete)?
            };
            if !complete {
                let received = received.saturating_add(piece.len() as u64);
                self.unfinished().frame = Some(PartialFrame { header, received });
            }
            if item.is_some() {
                return Ok(item);
            }
        }
        Ok(None)
    }

    /// Takes a frame's header from the input, or what there is of it.
    fn take_header(&mut self, input: &mut &mut [u8]) -> Result<Option<FrameHeader>, Violation> {
        let expected = self.expected();
        let stash = self.unfinished.as_mut().map(|unfinished| &mut unfinished.header);
        if let Some(stash) = stash.filter(|stash| !stash.bytes().is_empty()) {
            let before = stash.bytes().len();
            stash.push(input);
            let parsed = FrameHeader::parse(stash.bytes(), &expected)?;
            let Some((header, size)) = parsed else {
                *input = &mut [];
                return Ok(None);
            };
            stash.clear();
            consume(input, size.saturating_sub(before));
            return Ok(Some(header));
        }
        let Some((header, size)) = FrameHeader::parse(input, &expected)? else {
            self.unfinished().header.push(input);
            *input = &mut [];
            return Ok(None);
        };
        consume(input, size);
        Ok(Some(header))
    }

    /// What the next header is judged by.
    fn expected(&self) -> Expected {
        let message = self.message();
        let limit = self.limits.max_message;
        let left = limit.saturating_sub(message.map_or(0, Message::len));
        // What cannot be compressed grows: by five bytes for each block, and some blocks are short.
        // This is to refuse the absurd; what a message inflates to is counted as it is inflated.
        let compressed_room = left.saturating_add(left / 8).saturating_add(64);
        let room = match message {
            Some(message) if message.compressed => compressed_room,
            _ => left,
        };
        Expected {
            role: self.role,
            in_message: message.is_some(),
            extension_bits: if self.inflater.is_some() { RSV1 } else { 0 },
            room: room as u64,
            compressed_room: compressed_room as u64,
        }
    }

    fn control_piece<'i>(
        &mut self,
        header: &FrameHeader,
        piece: &'i [u8],
        complete: bool,
    ) -> Result<Option<Item<'i>>, Violation> {
        let gathered = self
            .unfinished
            .as_ref()
            .is_some_and(|unfinished| !unfinished.control.bytes().is_empty());
        if complete && !gathered {
            self.obey(header.opcode, piece)?;
            return Ok(Some(Item::Control(header.opcode, piece)));
        }
        let unfinished = self.unfinished();
        unfinished.control.push(piece);
        if !complete {
            return Ok(None);
        }
        unfinished.control_delivered = true;
        let payload = std::mem::replace(&mut unfinished.control, Stash::EMPTY);
        let obeyed = self.obey(header.opcode, payload.bytes());
        self.unfinished().control = payload;
        obeyed.map(|()| Some(Item::GatheredControl(header.opcode)))
    }

    fn data_piece<'i>(
        &mut self,
        header: &FrameHeader,
        piece: &'i [u8],
        whole_frame: bool,
        complete: bool,
    ) -> Result<Option<Item<'i>>, Violation> {
        let lies_whole = whole_frame && header.fin && header.opcode != Opcode::Continuation;
        if lies_whole && header.reserved == 0 {
            // A header that came in an earlier read, without payload, has begun a message.
            if let Some(unfinished) = &mut self.unfinished {
                unfinished.message = None;
            }
            return Ok(Some(Item::Message(match header.opcode {
                Opcode::Text => {
                    let text = str::from_utf8(piece).map_err(|_| Violation::InvalidUtf8InText)?;
                    Whole::Text(text)
                }
                _ => Whole::Binary(piece),
            })));
        }
        let Self { unfinished, inflater, limits, clock, .. } = self;
        let unfinished = unfinished.get_or_insert_with(|| Box::new(Unfinished::new()));
        let message = unfinished.message.get_or_insert_with(|| Message::new(header, *clock));
        match inflater.as_mut().filter(|_| message.compressed) {
            Some(inflater) => {
                inflater.push(piece, &mut |inflated| {
                    message.push_up_to(limits.max_message, inflated)
                })?;
                if complete && header.fin {
                    inflater.finish()?;
                }
            }
            None => message.push(piece)?,
        }
        if !complete {
            return Ok(None);
        }
        message.end_frame(header, limits.max_empty_fragments)?;
        if !header.fin {
            return Ok(None);
        }
        unfinished.message_delivered = true;
        Ok(Some(Item::GatheredMessage))
    }

    /// Does what a control frame asks for.
    fn obey(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), Violation> {
        match opcode {
            // 5.5.2: "Upon receipt of a Ping frame, an endpoint MUST send a Pong frame in response,
            // unless it already received a Close frame."
            Opcode::Ping => self.outbox.answer_ping(payload),
            Opcode::Close => {
                let reason = CloseReason::parse(payload)?;
                let code = reason.map(|reason| reason.code);
                if self.outbox.is_closed() {
                    self.end(EndedBy::Local, self.outbox.close_code(), true);
                } else {
                    // 5.5.1: "If an endpoint receives a Close frame and did not previously send a
                    // Close frame, the endpoint MUST send a Close frame in response. (When sending a
                    // Close frame in response, the endpoint typically echos the status code it
                    // received.)"
                    let _ = match reason {
                        Some(reason) => self.outbox.close(reason.code, reason.reason),
                        None => self.outbox.close_without_code(),
                    };
                    self.end(EndedBy::Peer, code, true);
                }
            }
            // 5.5.3: "A response to an unsolicited Pong frame is not expected."
            _ => {}
        }
        Ok(())
    }

    /// 7.1.7: "_Fail the WebSocket Connection_": say why, then process nothing more.
    fn fail(&mut self, violation: Violation) {
        let rule = violation.rule();
        // If a Close frame was sent before, that one has to do.
        let _ = self.outbox.close(rule.code, rule.sentence);
        self.end(EndedBy::Violation(violation), Some(rule.code), false);
    }

    fn end(&mut self, by: EndedBy, code: Option<CloseCode>, clean: bool) {
        self.closure = Some(Closure { by, code, clean });
        // There will be no rest of what was begun.
        self.unfinished = None;
        self.inflater = None;
        self.outbox.stop_compressing();
        // From here on only a client waits, for the server to close the transport.
        self.closing = true;
        self.waiting_since = Some(self.clock);
    }

    /// Drops an item that is not to be delivered.
    fn forget(&mut self, item: &Item<'_>) {
        if let (Item::GatheredMessage | Item::GatheredControl(_), Some(unfinished)) =
            (item, &mut self.unfinished)
        {
            unfinished.forget_delivered();
        }
    }

    fn message(&self) -> Option<&Message> {
        self.unfinished.as_ref()?.message.as_ref()
    }

    fn unfinished(&mut self) -> &mut Unfinished {
        self.unfinished.get_or_insert_with(|| Box::new(Unfinished::new()))
    }

    fn reassembly_due(&self) -> Option<Instant> {
        self.message()?.started.checked_add(self.limits.reassembly)
    }
}

#[cfg(test)]
mod tests;
