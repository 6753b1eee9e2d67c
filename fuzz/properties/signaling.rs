//! Five peers say anything to the switchboard. What it sends is JSON, goes to peers that are there,
//! and names its true sender; and when all have gone every name is free again.
//!
//! Input: messages with 0xff between them. The first byte of each tells whose it is, and whether
//! the peer says it or leaves.

use std::collections::{BTreeMap, HashMap};

use serde_json::value::RawValue;
use wigwag::apps::{Application, Context, Effect, Effects, Message, PeerId};
use wigwag::protocol::{Closure, EndedBy};
use wigwag::signaling::{Options, Signaling};

const PEERS: u32 = 5;

pub fn check(data: &[u8]) {
    let mut board = Board {
        signaling: Signaling::new(Options::default()),
        effects: Effects::default(),
        names: BTreeMap::new(),
    };
    for message in data.split(|&byte| byte == 0xff) {
        let Some((&first, text)) = message.split_first() else {
            continue;
        };
        let peer = u32::from(first) % PEERS;
        if first >= 0xf0 {
            board.close(peer);
        } else {
            board.say(peer, &String::from_utf8_lossy(text));
        }
    }
    let names = board.names.clone();
    for peer in 0..PEERS {
        board.close(peer);
    }
    for name in names.values() {
        board.say(0, &format!(r#"{{"type":"login","name":{name}}}"#));
        assert_eq!(board.names.get(&0), Some(name));
        board.close(0);
    }
}

struct Board {
    signaling: Signaling,
    effects: Effects,
    /// Who has which name, as JSON, from what they were told.
    names: BTreeMap<u32, String>,
}

impl Board {
    fn say(&mut self, peer: u32, text: &str) {
        self.call(peer, |signaling, context| signaling.text(context, text));
    }

    fn close(&mut self, peer: u32) {
        let closure = Closure { by: EndedBy::Transport, code: None, clean: false };
        self.call(peer, |signaling, context| signaling.close(context, &closure));
        self.names.remove(&peer);
    }

    fn call(&mut self, peer: u32, call: impl FnOnce(&mut Signaling, &mut Context<'_>)) {
        let address = ([127, 0, 0, 1], 9).into();
        let id = PeerId::new(0, peer, 0);
        call(&mut self.signaling, &mut Context::new(id, address, None, &mut self.effects));
        let name_before = self.names.get(&peer).cloned();
        for effect in self.effects.iter() {
            let Effect::Send { to, message } = effect else {
                continue;
            };
            let Message::Text(text) = message else { panic!("a binary message") };
            if text == "pong" {
                assert_eq!(to, [id]);
                continue;
            }
            let fields: HashMap<String, Box<RawValue>> =
                serde_json::from_str(text).expect("a JSON object");
            let field = |name: &str| fields.get(name).map(|value| value.get());
            let succeeded = field("success") == Some("true");
            if to == [id] && succeeded {
                let name = field("name").expect("the name").to_owned();
                self.names.insert(peer, name);
            }
            for other in to.iter().filter(|other| **other != id) {
                assert!(self.names.contains_key(&other.slot()), "{text} for nobody");
                let name = field("name").expect("whose message this is");
                let now = self.names.get(&peer).map(String::as_str);
                assert!(now == Some(name) || name_before.as_deref() == Some(name), "{text}");
            }
        }
        self.effects.clear();
        let mut owned: Vec<&String> = self.names.values().collect();
        owned.sort();
        owned.dedup();
        assert_eq!(owned.len(), self.names.len(), "a name has two owners");
    }
}
