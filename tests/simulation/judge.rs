//! What must hold, whatever happens.

use crate::client::{Client, Phase};
use crate::model::LOGIN_DEADLINE;
use crate::network::{MILLISECOND, SECOND};
use crate::script::{Act, Opening};
use crate::setting::MAX_MESSAGE;
use crate::world::World;

impl World {
    /// Each message is the next that this client must be sent.
    pub fn judge_received(&mut self, client: usize, known: usize) {
        let new: Vec<String> = self.clients[client].received[known..].to_vec();
        for (index, text) in (known..).zip(new) {
            let start: String = text.chars().take(100).collect();
            self.note(client, &format!("receives {start}"));
            let expected = self.model().clients[client].expected.get(index).cloned();
            if !expected.as_ref().is_some_and(|it| it.is(&text)) {
                let what = format!("received {start}\n    where the model has {expected:?}");
                self.model().fault(client, what);
            }
        }
        if let Some(fault) = self.clients[client].fault.take() {
            self.model().fault(client, fault);
        }
    }

    /// Too much may be queued for no longer than it takes each loop to have a turn.
    pub fn judge_memory(&mut self) {
        let queued = self.loops[0].queued();
        let limit = self.scenario.budget / 4 * 3;
        if queued < limit {
            self.over_budget = None;
        } else if self.loops.len() == 1
            || *self.over_budget.get_or_insert(self.now) + 200 * MILLISECOND < self.now
        {
            self.model().faults.push(format!("{queued} bytes are queued, the budget has {limit}"));
        }
        let connections = self.loops[0].connections();
        // An outbox and one message, in a buffer that may have doubled; a message that is arriving,
        // the same; what inflates it; a read that waits.
        let each = 2 * (self.scenario.outbox + 2 * MAX_MESSAGE) + 2 * MAX_MESSAGE + 48 * 1024;
        if queued > connections * (each + self.scenario.read_per_turn + 16 * 1024) {
            let what = format!("{queued} bytes are queued for {connections} connections");
            self.model().faults.push(what);
        }
    }

    /// Whether what happens to this client may be the network's or the client's own doing.
    fn is_excused(&self, client: usize) -> bool {
        let it = &self.clients[client];
        let weather = &it.plan.weather;
        let slow = (weather.room as u64) < weather.delay * 2;
        let tight = self.scenario.budget < 1 << 20;
        it.excused || it.vanished || slow || tight || self.forced
    }

    /// The client has come to the end of what it is sent.
    pub fn client_is_over(&mut self, client: usize) {
        if self.clients[client].over_at.replace(self.now).is_some() {
            return;
        }
        let excused = self.is_excused(client);
        let (timed_out, throttled) = {
            let seen = &self.model().clients[client];
            (seen.timed_out, seen.throttled)
        };
        let (draining, it) = (self.draining, &self.clients[client]);
        let fault = match (&it.phase, it.close) {
            (Phase::Open(_), None) if !excused && !it.ended => {
                Some("the connection ended without a Close frame".to_owned())
            }
            (Phase::Open(_), Some(code)) => {
                let allowed = match code {
                    Some(1000) => it.plan.acts.iter().any(|(_, act)| matches!(act, Act::Close)),
                    Some(1001) => draining,
                    Some(1003) => it.plan.path == "/signal",
                    Some(1008) => timed_out || throttled || it.muted,
                    Some(1013) => true,
                    code => code == it.deserves,
                };
                (!allowed).then(|| format!("was closed with {code:?}"))
            }
            (Phase::Asked(_), _) if !excused && !draining && !it.ended => {
                let asks = matches!(it.plan.opening, Opening::WebSocket | Opening::Http);
                asks.then(|| "the connection ended without an answer".to_owned())
            }
            (Phase::Answered(answer), _) if !it.reset => self.judge_answer(it, answer),
            _ => None,
        };
        if let Some(fault) = fault {
            self.model().fault(client, fault);
        }
    }

    fn judge_answer(&self, it: &Client, answer: &[u8]) -> Option<String> {
        let answer = String::from_utf8_lossy(answer);
        let status = answer.get(9..12).unwrap_or_default();
        let busy = self.draining || self.scenario.budget < 1 << 20;
        let allowed = match it.plan.opening {
            Opening::Http => status == "200" || self.draining && status == "503",
            Opening::WrongPath => status == "404",
            Opening::Slow | Opening::Unfinished => status == "408" || busy && status == "503",
            Opening::WebSocket => busy && status == "503",
            Opening::Silence => false,
        };
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let whole = length.and_then(|it| it.parse().ok()) == Some(body.len());
        (!allowed || !whole && !self.forced).then(|| format!("was answered {answer}"))
    }

    /// All is quiet: who lives has everything, and who does not is gone.
    pub fn check(&mut self) {
        for client in 0..self.clients.len() {
            let excused = self.is_excused(client);
            let now = self.now;
            let it = &self.clients[client];
            let Some(wire) = &it.wire else { continue };
            let dropped = wire.borrow().dropped;
            let is_over = it.ended || it.vanished || it.reset || it.close.is_some() || it.stalled;
            let is_open = it.was_open && !is_over;
            let received = it.received.len();
            let mut model = self.model();
            let seen = &model.clients[client];
            let (expected, taken, sent) = (seen.expected.len(), seen.taken, seen.sent.len());
            let deadline = seen.opened.map(|opened| opened + LOGIN_DEADLINE + SECOND);
            let overdue = deadline.is_some_and(|deadline| deadline < now);
            let nameless = seen.path == "/signal" && seen.name.is_none() && !seen.closed;
            if is_over && !dropped {
                model.fault(client, "is gone, and the server holds its connection");
            } else if overdue && nameless {
                model.fault(client, "did not log in, and is still here");
            } else if is_open && !excused && (dropped || received != expected || taken != sent) {
                let what = format!(
                    "lives, and has received {received} of {expected} messages; of {sent} that \
                     it sent {taken} were taken"
                );
                model.fault(client, what);
            }
        }
    }

    /// The server has ended: nothing of anybody is left.
    pub fn conclude(&mut self) {
        self.done = true;
        let left: usize = self.loops.iter().map(|it| it.len()).sum();
        let (connections, queued) = (self.loops[0].connections(), self.loops[0].queued());
        if left > 0 || connections > 0 || queued > 0 {
            let what =
                format!("at the end: {left} sessions, {connections} connections, {queued} bytes");
            self.model().faults.push(what);
        }
        for client in 0..self.clients.len() {
            let it = &self.clients[client];
            let fast = it.plan.weather.room as u64 >= it.plan.weather.delay * 2;
            let reads = !it.excused && !it.vanished && !it.stalled && !it.ended && fast;
            let unclosed = it.was_open && reads && it.close.is_none() && !it.reset;
            let dropped = it.wire.as_ref().is_none_or(|wire| wire.borrow().dropped);
            let tight = self.scenario.budget < 1 << 20;
            let mut model = self.model();
            let seen = &model.clients[client];
            if seen.opened.is_some() && !seen.closed {
                model.fault(client, "its application was never told that it is gone");
            }
            if !dropped {
                model.fault(client, "its connection was never dropped");
            }
            if unclosed && !tight {
                model.fault(client, "was not told that the server is going away");
            }
        }
    }
}
