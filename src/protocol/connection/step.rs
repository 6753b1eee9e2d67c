//! One step of a connection: from bytes to a frame, and from frames to an item.

use super::super::close::CloseReason;
use super::super::deflate::RSV1;
use super::super::event::EndedBy;
use super::super::frame::{Expected, FrameHeader, Opcode};
use super::super::masking::{Role, apply_mask};
use super::super::message::{Message, PartialFrame, Stash, Unfinished, Whole};
use super::super::utf8;
use super::super::violation::Violation;
use super::Connection;
use super::item::Item;

impl Connection {
    /// A short cut for what most input is: a whole message, in one frame with a short length, with
    /// nothing unfinished before it. It takes what [`Connection::step`] would take and find no
    /// fault with; whatever is out of the ordinary is left to that.
    pub(super) fn whole_message<'i>(
        &self,
        input: &mut &'i mut [u8],
    ) -> Option<Result<Whole<'i>, Violation>> {
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
                utf8::whole(payload).map(Whole::Text).map_err(|_| Violation::InvalidUtf8InText)
            }
            _ => Ok(Whole::Binary(payload)),
        })
    }

    /// One step: consumes input until there is an item, or none is left.
    pub(super) fn step<'i>(
        &mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<Item<'i>>, Violation> {
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
            let (piece, rest) =
                std::mem::take(input).split_at_mut_checked(available).unwrap_or_default();
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
                    let text = utf8::whole(piece).map_err(|_| Violation::InvalidUtf8InText)?;
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
                    // Close frame, the endpoint MUST send a Close frame in response. (When sending
                    // a Close frame in response, the endpoint typically echos the status code it
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
}

fn consume(input: &mut &mut [u8], count: usize) {
    *input = std::mem::take(input).get_mut(count..).unwrap_or_default();
}
