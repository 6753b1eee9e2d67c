//! What a client does when its time has come.

use crate::client::Phase;
use crate::model::Sent;
use crate::network::Flight;
use crate::script::{Act, Say};
use crate::setting::MAX_MESSAGE;
use crate::world::{Event, World};
use wigwag::protocol::State;

impl World {
    pub fn act(&mut self, client: usize) {
        let it = &mut self.clients[client];
        let is_open = matches!(&it.phase, Phase::Open(it) if it.state() == State::Open);
        if !is_open || !it.may_speak() {
            return;
        }
        let (_, act) = it.plan.acts[it.next_act].clone();
        it.next_act += 1;
        let now = self.instant();
        self.note(client, &describe(&act));
        match act {
            Act::Say(say) => self.say(client, say),
            Act::Fragments(say) => {
                let text = say.text();
                self.model().clients[client].sent.push(Sent::Say(say));
                self.clients[client].say_in_fragments(&text);
            }
            Act::Flood(count) => {
                for number in 0..count {
                    self.say(client, Say::Plain(format!("flood {number}")));
                }
            }
            Act::Binary => {
                self.model().clients[client].sent.push(Sent::Binary);
                self.clients[client].say_binary(now);
            }
            Act::Ping => self.clients[client].ping(now),
            Act::Break(how) => self.clients[client].violate(how, MAX_MESSAGE),
            Act::Close => self.clients[client].begin_close(now),
            Act::HalfClose => {
                self.client_writes(client);
                self.end_up(client, Flight::End);
            }
            Act::Reset => {
                self.client_writes(client);
                self.end_up(client, Flight::Reset);
                self.clients[client].reset = true;
            }
            Act::Vanish => self.clients[client].vanished = true,
            Act::MidFrame => {
                self.clients[client].begin_frame();
                self.clients[client].excused = true;
            }
            Act::VanishMidFrame => {
                self.clients[client].begin_frame();
                self.client_writes(client);
                self.clients[client].vanished = true;
            }
            Act::Stall(until) => {
                self.clients[client].stalled = true;
                match until {
                    Some(until) => self.push(self.now + until, Event::Resume(client)),
                    None => self.clients[client].excused = true,
                }
            }
        }
        self.client_writes(client);
        self.next_act(client);
    }

    fn say(&mut self, client: usize, say: Say) {
        let now = self.instant();
        self.clients[client].say(&say.text(), now);
        self.model().clients[client].sent.push(Sent::Say(say));
    }
}

fn describe(act: &Act) -> String {
    let shorten = |say: &Say| say.text().chars().take(100).collect::<String>();
    match act {
        Act::Say(say) => format!("says {}", shorten(say)),
        Act::Fragments(say) => format!("says in fragments {}", shorten(say)),
        act => format!("does {act:?}"),
    }
}
