//! Who is in which room, in order of arrival.
//!
//! A room exists while somebody is in it. A peer leaves all its rooms when it closes or takes
//! another name, so rooms can never outnumber what their users may enter.

use super::name::Name;
use super::table::Table;
use crate::apps::PeerId;

/// The rooms, by name, and by who is in them.
#[derive(Debug, Default)]
pub struct Rooms {
    members: Table<Name<'static>, Vec<PeerId>>,
    entered: Table<PeerId, Vec<Name<'static>>>,
}

/// How a peer came to be in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It is the first.
    Created,
    /// It has come to others.
    Joined,
    /// It was in it before.
    Again,
}

/// Why a peer cannot enter a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoEntry {
    /// The room has no place left.
    RoomFull,
    /// The peer is in too many rooms.
    TooManyRooms,
}

impl Rooms {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Lets a peer into a room that may hold `capacity`, as one of `limit` that the peer may be in.
    pub fn enter(
        &mut self,
        room: &Name<'_>,
        peer: PeerId,
        capacity: usize,
        limit: usize,
    ) -> Result<Entry, NoEntry> {
        if self.is_in(room, peer) {
            return Ok(Entry::Again);
        }
        if self.entered.get(&peer).map_or(0, Vec::len) >= limit {
            return Err(NoEntry::TooManyRooms);
        }
        let entry = match self.members.get_mut(room.as_str()) {
            Some(members) if members.len() >= capacity => return Err(NoEntry::RoomFull),
            Some(members) => {
                members.push(peer);
                Entry::Joined
            }
            None => {
                self.members.insert(room.to_owned(), vec![peer]);
                Entry::Created
            }
        };
        match self.entered.get_mut(&peer) {
            Some(rooms) => rooms.push(room.to_owned()),
            None => self.entered.insert(peer, vec![room.to_owned()]),
        }
        Ok(entry)
    }

    /// Takes a peer out of a room; tells whether it was in it.
    pub fn leave(&mut self, room: &Name<'_>, peer: PeerId) -> bool {
        let Some(rooms) = self.entered.get_mut(&peer) else {
            return false;
        };
        let before = rooms.len();
        rooms.retain(|entered| entered.as_str() != room.as_str());
        if rooms.len() == before {
            return false;
        }
        if rooms.is_empty() {
            self.entered.remove(&peer);
        }
        self.remove_member(room, peer);
        true
    }

    /// Takes a peer out of every room, and tells which they were.
    pub fn leave_all(&mut self, peer: PeerId) -> Vec<Name<'static>> {
        let rooms = self.entered.remove(&peer).unwrap_or_default();
        for room in &rooms {
            self.remove_member(room, peer);
        }
        rooms
    }

    /// Whether a peer is in a room.
    pub fn is_in(&self, room: &Name<'_>, peer: PeerId) -> bool {
        // A peer's rooms are few; a room's members may be many.
        let rooms = self.entered.get(&peer);
        rooms.is_some_and(|rooms| rooms.iter().any(|entered| entered.as_str() == room.as_str()))
    }

    /// Who is in a room, in order of arrival.
    pub fn members(&self, room: &Name<'_>) -> &[PeerId] {
        self.members.get(room.as_str()).map_or(&[], Vec::as_slice)
    }

    fn remove_member(&mut self, room: &Name<'_>, peer: PeerId) {
        let Some(members) = self.members.get_mut(room.as_str()) else {
            return;
        };
        members.retain(|member| *member != peer);
        if members.is_empty() {
            self.members.remove(room.as_str());
        } else if members.len() < members.capacity() / 4 {
            members.shrink_to(members.len().saturating_mul(2));
        }
    }

    /// The sizes and capacities of the tables.
    #[cfg(test)]
    pub fn sizes(&self) -> [(usize, usize); 2] {
        [
            (self.members.len(), self.members.capacity()),
            (self.entered.len(), self.entered.capacity()),
        ]
    }
}
