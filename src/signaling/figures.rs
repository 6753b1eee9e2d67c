//! What a switchboard counts for whoever watches the server: sums, never a name.

use std::sync::Arc;

use crate::apps::{Figure, FigureKind};

/// The figures of one switchboard.
#[derive(Clone, Debug)]
pub struct Figures(Arc<[Figure; 3]>);

impl Default for Figures {
    fn default() -> Self {
        let new = Figure::new;
        Self(Arc::new([
            new(
                "signaling_logins",
                FigureKind::Total,
                "Logins; a user who takes another name logs in again.",
            ),
            new("signaling_users", FigureKind::Now, "Users who are logged in."),
            new("signaling_rooms", FigureKind::Now, "Rooms that somebody is in."),
        ]))
    }
}

impl Figures {
    /// The figures, to be read by others.
    pub fn shared(&self) -> Arc<[Figure]> {
        Arc::<[Figure; 3]>::clone(&self.0)
    }

    /// Somebody has logged in.
    pub fn logged_in(&self) {
        let [logins, ..] = &*self.0;
        logins.increase();
    }

    /// So many are here now.
    pub fn update(&self, users: usize, rooms: usize) {
        let [_, users_now, rooms_now] = &*self.0;
        users_now.set(users);
        rooms_now.set(rooms);
    }
}
