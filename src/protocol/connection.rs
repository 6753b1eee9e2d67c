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
                // a browser drops them in this state too. Pings have been answered.
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
        let close_gone = self.outbox.is_close_gone();
        self.outbox.advance(count);
        // A peer that is still reading what came before our Close frame cannot have answered it.
        // The wait ends all the same: what follows that frame, answers to pings, does not count.
        if count > 0 && self.closing && self.closure.is_none() && !close_gone {
            self.waiting_since = Some(self.clock);
        }
    }

    /// Whether the transport's sending side is to be closed: all is sent, and we are done.
    ///
    /// RFC 6455, 7.1.1: "the underlying TCP connection, in most normal cases, SHOULD be closed
    /// first by the server", so a client waits for the server here.
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

    /// How many bytes are held for this connection, in either direction, until the peer reads or
    /// has sent the rest of a message. The DEFLATE states that context takeover keeps are not among
    /// them.
    pub fn held(&self) -> usize {
        let message = self.unfinished.as_ref().and_then(|unfinished| unfinished.message.as_ref());
        let inflater = self.inflater.as_ref();
        self.outbox
            .held()
            .saturating_add(message.map_or(0, Message::held))
            .saturating_add(inflater.map_or(0, |inflater| inflater.borrowed()))
    }

    /// Notes the time, and whether a Close frame was queued since the last call.
    pub(crate) fn tick(&mut self, now: Instant) {
        if self.outbox.is_closed() && !self.closing {
            self.closing = true;
            self.waiting_since = Some(self.clock);
        }
        self.clock = now;
    }

    /// 7.1.7: "_Fail the WebSocket Connection_": say why, then process nothing more.
    fn fail(&mut self, violation: Violation) {
        let rule = violation.rule();
        // If a Close frame was sent before, that one has to do.
        let _ = self.outbox.close(rule.code, rule.sentence);
        self.end(EndedBy::Violation(violation), Some(rule.code), false);
    }

    fn end(&mut self, by: EndedBy, code: Option<CloseCode>, clean: bool) {
        self.outbox.refuse_more();
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
        // What was delivered stays until the next call of `receive`, which may be long in coming: who
        // has no room for replies asks for no more.
        let unfinished = self.unfinished.as_ref().filter(|it| !it.message_delivered)?;
        unfinished.message.as_ref()?.started.checked_add(self.limits.reassembly)
    }
}

#[cfg(test)]
mod tests;
