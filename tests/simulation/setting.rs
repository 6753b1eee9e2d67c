//! The server of a scenario.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use wigwag::apps::{Broadcast, Chat, Echo};
use wigwag::protocol::Limits;
use wigwag::protocol::deflate::{DeflateMode, DeflateOptions};
use wigwag::server::{Config, Mount, MountOptions, Rate, ServerLimits};
use wigwag::signaling::{Options, Signaling};

use crate::model::{self, Model};
use crate::network::{SECOND, Time};
use crate::observed::Observed;
use crate::script::Scenario;
use crate::world::DRAIN;

/// The longest message.
pub const MAX_MESSAGE: usize = 64 * 1024;

pub const fn duration(time: Time) -> Duration {
    Duration::from_micros(time)
}

/// The times are shorter than those of a real server, so that all of them are reached.
pub fn config(scenario: &Scenario, model: &Arc<Mutex<Model>>) -> Config {
    let options = |mode| MountOptions {
        limits: Limits {
            max_message: MAX_MESSAGE,
            outbox: scenario.outbox,
            reassembly: duration(3 * SECOND),
            ping_after: duration(model::PING_AFTER),
            pong_wait: duration(model::PONG_WAIT),
            close_wait: duration(SECOND),
            ..Limits::default()
        },
        rate: scenario.rate.map(|(per_second, burst)| Rate { per_second, burst }),
        deflate: DeflateOptions { mode, threshold: 32, ..DeflateOptions::default() },
        own_pages_only: None,
    };
    let signaling = Signaling::new(Options {
        login_deadline: Some(duration(model::LOGIN_DEADLINE)),
        room_capacity: NonZeroUsize::new(model::ROOM_CAPACITY).expect("it is not 0"),
        rooms_per_user: model::ROOMS_PER_USER,
        partners_per_user: model::PARTNERS_PER_USER,
    });
    let for_echo = Arc::clone(model);
    let echo = move || Observed { inner: Echo, model: Arc::clone(&for_echo) };
    let model = || Arc::clone(model);
    Config {
        loops: scenario.loops,
        mounts: vec![
            Mount::new("/signal", Observed { inner: signaling, model: model() })
                .with_options(options(DeflateMode::Takeover)),
            Mount::new("/chat", Observed { inner: Chat::default(), model: model() })
                .with_options(options(DeflateMode::Shared)),
            Mount::new("/broadcast", Observed { inner: Broadcast::default(), model: model() })
                .with_options(options(DeflateMode::Off)),
            Mount::for_each_loop("/echo", echo).with_options(options(DeflateMode::Takeover)),
        ],
        limits: ServerLimits {
            handshake: duration(SECOND),
            connections: scenario.connections,
            queued: scenario.budget,
            read_per_turn: scenario.read_per_turn,
            high_water: scenario.high_water,
            linger: duration(SECOND),
            stall: duration(SECOND),
            drain: duration(DRAIN),
            ..ServerLimits::default()
        },
        ..Config::default()
    }
}
