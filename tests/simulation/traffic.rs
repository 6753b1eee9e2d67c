//! What travels between the clients and the server.

use wigwag::server::Readiness;

use crate::network::Flight;
use crate::world::{Event, World};

impl World {
    /// Sends bytes to the server.
    pub fn send_up(&mut self, client: usize, bytes: &[u8]) {
        let it = &self.clients[client];
        let Some(wire) = it.wire.clone().filter(|_| !it.vanished && !it.reset) else { return };
        for (at, flight) in wire.borrow_mut().send_up(self.now, bytes) {
            self.push(at, Event::Up(client, flight));
        }
    }

    /// Sends the end of the client's direction, or a reset.
    pub fn end_up(&mut self, client: usize, flight: Flight) {
        let it = &mut self.clients[client];
        if it.ended || it.vanished || it.reset {
            return;
        }
        it.ended = true;
        let Some(wire) = it.wire.clone() else { return };
        let at = wire.borrow_mut().time_up(self.now);
        self.push(at, Event::Up(client, flight));
    }

    /// Sends what a client has to say.
    pub fn client_writes(&mut self, client: usize) {
        let output = self.clients[client].take_output();
        if !output.is_empty() && !self.clients[client].ended {
            self.note(client, &format!("sends {} bytes", output.len()));
            self.send_up(client, &output);
        }
        let done = self.clients[client].connection().is_some_and(|it| it.wants_shutdown());
        if done {
            self.end_up(client, Flight::End);
        }
    }

    pub fn reach_server(&mut self, client: usize, flight: Flight) {
        let Some(wire) = self.clients[client].wire.clone() else { return };
        let dropped = wire.borrow().dropped;
        if dropped {
            // Nobody listens there: the kernel answers with a reset.
            if matches!(flight, Flight::Bytes(_)) {
                let at = wire.borrow_mut().time_reset(self.now);
                self.push(at, Event::Down(client, Flight::Reset));
            }
        } else {
            let mut wire = wire.borrow_mut();
            match &flight {
                Flight::Bytes(bytes) => wire.up.extend(bytes),
                Flight::End => wire.up_ended = true,
                Flight::Reset => {
                    wire.reset = true;
                    wire.up.clear();
                }
            }
        }
        let hung_up = !matches!(flight, Flight::Bytes(_));
        let is_reset = matches!(flight, Flight::Reset);
        self.tell(client, Readiness { readable: true, writable: is_reset, read_closed: hung_up });
    }

    /// What `poll` would say. It may be too late: then the loop has to know that.
    pub fn tell(&mut self, client: usize, readiness: Readiness) {
        let home = self.clients[client].plan.home;
        if let Some(peer) = self.clients[client].peer {
            self.loops[home].ready(peer, readiness);
            self.wake(home);
        }
    }

    pub fn reach_client(&mut self, client: usize, flight: Flight) {
        let it = &mut self.clients[client];
        let Some(wire) = it.wire.clone().filter(|_| !it.vanished && !it.reset) else { return };
        match flight {
            Flight::Bytes(bytes) => wire.borrow_mut().down.extend(bytes),
            Flight::End => wire.borrow_mut().down_ended = true,
            Flight::Reset => {
                wire.borrow_mut().down.clear();
                it.reset = true;
                self.note(client, "is reset");
                return self.client_is_over(client);
            }
        }
        self.client_reads(client);
    }

    pub fn client_reads(&mut self, client: usize) {
        let it = &mut self.clients[client];
        let idle = it.stalled || it.vanished || it.reset;
        let Some(wire) = it.wire.clone().filter(|_| !idle) else { return };
        let bytes: Vec<u8> = wire.borrow_mut().down.drain(..).collect();
        if !bytes.is_empty() {
            wire.borrow_mut().room += bytes.len();
            let (known, was_open) = (it.received.len(), it.was_open);
            let now = self.instant();
            self.clients[client].take(bytes, now);
            self.judge_received(client, known);
            if !was_open && self.clients[client].was_open {
                self.note(client, "is open");
                self.next_act(client);
            }
            self.client_writes(client);
            self.pump(client);
        }
        if wire.borrow().down_ended && self.clients[client].over_at.is_none() {
            self.note(client, "reads the end");
            if let Some(connection) = self.clients[client].connection() {
                connection.receive_eof();
            }
            self.client_is_over(client);
            self.client_writes(client);
            self.end_up(client, Flight::End);
        }
    }

    pub fn pump(&mut self, client: usize) {
        let Some(shared) = self.clients[client].wire.clone() else { return };
        let vanished = self.clients[client].vanished;
        let ends = &mut self.ends[client];
        let mut wire = shared.borrow_mut();
        let written = std::mem::take(&mut wire.written);
        let mut flights = wire.send_down(self.now, &written);
        let mut lines = Vec::new();
        if !written.is_empty() {
            lines.push(format!("is sent {} bytes", written.len()));
        }
        let ends_now = wire.shut_down || wire.dropped && !wire.rude;
        if ends_now && !ends.shut_down {
            ends.shut_down = true;
            lines.push("the server ends its direction".to_owned());
            flights.push((wire.time_down(self.now), Flight::End));
        }
        if wire.dropped && !ends.dropped {
            ends.dropped = true;
            lines.push("is dropped by the server".to_owned());
            if wire.rude {
                flights.push((wire.time_reset(self.now), Flight::Reset));
            }
        }
        if wire.blocked && wire.room > 0 && !wire.dropped && !ends.writable_soon {
            ends.writable_soon = true;
            let at = self.now + wire.delay();
            flights.push((at, Flight::Bytes(Vec::new())));
        }
        let (fault, last_read) = (wire.fault, wire.last_read);
        drop(wire);
        self.model().clients[client].last_read = last_read;
        lines.iter().for_each(|line| self.note(client, line));
        for (at, flight) in flights {
            match flight {
                Flight::Bytes(bytes) if bytes.is_empty() => self.push(at, Event::Writable(client)),
                _ if vanished => {}
                flight => self.push(at, Event::Down(client, flight)),
            }
        }
        if let Some(fault) = fault {
            self.model().fault(client, fault);
        }
    }
}
