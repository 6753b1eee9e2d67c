//! Who looks on sees every byte, and the beginning and the end of each connection.

use super::*;
use crate::protocol::State;
use crate::server::Tap;
use crate::server::tap::{Taps, Upgrade};

/// Writes down what it is told; consecutive bytes of one direction are one entry.
#[derive(Default)]
struct Recorder {
    told: Mutex<Vec<(PeerId, Told)>>,
    /// Whether it wants connections when they are accepted, and when they are WebSockets.
    wants: [bool; 2],
}

#[derive(Clone, Debug, PartialEq)]
enum Told {
    Opened,
    Received(Vec<u8>),
    Sent(Vec<u8>),
    Upgraded(String, usize),
    State(State),
    Ended(String),
    Closed,
}

impl Recorder {
    fn tell(&self, peer: PeerId, new: Told) {
        let mut told = self.told.lock().unwrap();
        match (told.last_mut(), &new) {
            (Some((last, Told::Received(bytes))), Told::Received(more))
            | (Some((last, Told::Sent(bytes))), Told::Sent(more))
                if *last == peer =>
            {
                bytes.extend_from_slice(more);
            }
            _ => told.push((peer, new)),
        }
    }
}

impl Tap for Recorder {
    fn opened(&self, peer: PeerId, _: SocketAddr, _: Instant) -> bool {
        self.tell(peer, Told::Opened);
        self.wants[0]
    }

    fn received(&self, peer: PeerId, bytes: &[u8], _: Instant) {
        self.tell(peer, Told::Received(bytes.to_vec()));
    }

    fn sent(&self, peer: PeerId, bytes: &[u8], _: Instant) {
        self.tell(peer, Told::Sent(bytes.to_vec()));
    }

    fn upgraded(&self, peer: PeerId, upgrade: &Upgrade<'_>, _: Instant) -> bool {
        let (mount, limit) = (upgrade.mount.to_owned(), upgrade.limits.max_message);
        self.tell(peer, Told::Upgraded(mount, limit));
        self.wants[1]
    }

    fn state(&self, peer: PeerId, state: State, _: Instant) {
        self.tell(peer, Told::State(state));
    }

    fn ended(&self, peer: PeerId, closure: &Closure, _: Instant) {
        self.tell(peer, Told::Ended(format!("{:?}, clean: {}", closure.by, closure.clean)));
    }

    fn closed(&self, peer: PeerId, _: Instant) {
        self.tell(peer, Told::Closed);
    }
}

fn watched(wants: [bool; 2]) -> (World, Arc<Recorder>) {
    let mut world = World::new();
    let recorder = Arc::new(Recorder { wants, ..Recorder::default() });
    let shared = Arc::get_mut(&mut world.hub.peers.shared).unwrap();
    shared.taps = Taps::new(vec![recorder.clone()]);
    (world, recorder)
}

fn told(recorder: &Recorder, peer: PeerId) -> Vec<Told> {
    let told = recorder.told.lock().unwrap();
    told.iter().filter(|(about, _)| *about == peer).map(|(_, told)| told.clone()).collect()
}

#[test]
fn every_byte_of_a_websocket_is_seen_as_it_stood_on_the_wire() {
    let (mut world, recorder) = watched([true, true]);
    let peer = world.connect();
    let id = world.hub.peers.id(peer.key);
    // A kernel that takes little at a time: each byte is seen once.
    world.make_room(&peer, 10);
    let hello = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    world.put(&peer, &[HANDSHAKE.as_bytes(), &hello].concat());
    world.settle();
    world.make_room(&peer, usize::MAX);
    world.settle();
    let close = frame(0x88, &1000_u16.to_be_bytes());
    world.put(&peer, &close);
    world.settle();
    world.put(&peer, b"discarded");
    world.settle();
    world.end(&peer);
    world.settle();
    assert!(peer.is_gone());

    let outgoing = peer.wire.borrow().outgoing.clone();
    let (response, frames) = outgoing.split_at(outgoing.len() - 11);
    assert_eq!(frames, b"\x81\x05Hello\x88\x02\x03\xe8");
    assert_eq!(
        told(&recorder, id),
        [
            Told::Opened,
            Told::Received([HANDSHAKE.as_bytes(), &hello].concat()),
            Told::Upgraded("/".into(), Limits::default().max_message),
            Told::Sent([response, b"\x81\x05Hello"].concat()),
            Told::Received(close),
            Told::Sent(b"\x88\x02\x03\xe8".to_vec()),
            Told::State(State::Closed),
            Told::Ended("Peer, clean: true".into()),
            Told::Received(b"discarded".to_vec()),
            Told::Closed,
        ]
    );
}

#[test]
fn a_plain_answer_is_seen_too_and_so_is_one_who_says_nothing() {
    let (mut world, recorder) = watched([true, true]);
    let peer = world.connect();
    let silent = world.connect();
    let ids = [&peer, &silent].map(|peer| world.hub.peers.id(peer.key));
    let request = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    world.put(&peer, request);
    world.settle();
    world.end(&peer);
    world.reset(&silent);
    world.settle();
    let sent = peer.wire.borrow().outgoing.clone();
    assert!(sent.starts_with(b"HTTP/1.1 200 "));
    assert_eq!(
        told(&recorder, ids[0]),
        [Told::Opened, Told::Received(request.to_vec()), Told::Sent(sent), Told::Closed]
    );
    assert_eq!(told(&recorder, ids[1]), [Told::Opened, Told::Closed]);
}

#[test]
fn how_a_broken_rule_and_a_broken_transport_end_it_is_told() {
    let (mut world, recorder) = watched([true, true]);
    let (rude, lost) = (world.open(), world.open());
    let ids = [&rude, &lost].map(|peer| world.hub.peers.id(peer.key));
    world.put(&rude, b"\x81\x05Hello");
    world.reset(&lost);
    world.settle();
    let ends: [Vec<Told>; 2] = ids.map(|id| {
        let told = told(&recorder, id);
        told.into_iter().filter(|told| matches!(told, Told::State(_) | Told::Ended(_))).collect()
    });
    let expected =
        |by| vec![Told::State(State::Closed), Told::Ended(format!("{by}, clean: false"))];
    assert_eq!(ends, [expected("Violation(UnmaskedFrame)"), expected("Transport")]);
}

#[test]
fn who_does_not_want_a_connection_is_not_told_of_it() {
    let (mut world, recorder) = watched([false, true]);
    let peer = world.open();
    world.say(&peer, "hello");
    world.reset(&peer);
    world.settle();
    let id = world.hub.peers.id(peer.key);
    assert_eq!(told(&recorder, id), [Told::Opened]);

    // It may also be known only by the path that the connection is not wanted.
    let (mut world, recorder) = watched([true, false]);
    let peer = world.open();
    world.say(&peer, "hello");
    world.reset(&peer);
    world.settle();
    let id = world.hub.peers.id(peer.key);
    let told = told(&recorder, id);
    assert!(matches!(told[..], [Told::Opened, Told::Received(_), Told::Upgraded(..)]), "{told:?}");
}

#[test]
fn to_be_watched_costs_a_session_no_memory() {
    // Where 265 bytes for an idle connection are promised, each one counts.
    let size = size_of::<Session<mio::net::TcpStream>>();
    assert!(size <= 248, "{size} bytes");
}
