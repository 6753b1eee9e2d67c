//! Who is logged in, under what name, and who is in a call with whom.
//!
//! Both tables say the same from two sides, and so do the two ends of a pair; they are changed only
//! here, both at once, so that a name is freed exactly once and a partner is told exactly once.

use std::collections::BTreeSet;

use super::name::Name;
use super::table::Table;
use crate::apps::PeerId;

/// The users, by name and by peer.
#[derive(Debug, Default)]
pub struct Users {
    peers: Table<Name<'static>, PeerId>,
    users: Table<PeerId, User>,
}

/// One user.
#[derive(Debug)]
pub struct User {
    /// The name that the user logged in with.
    pub name: Name<'static>,
    /// With whom the user is in a call.
    pub partners: BTreeSet<PeerId>,
}

/// One of two users has as many partners as are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyPartners;

impl Users {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// The peer that has a name.
    pub fn find(&self, name: &Name<'_>) -> Option<PeerId> {
        self.peers.get(name.as_str()).copied()
    }

    /// The name of a peer, if it is logged in.
    pub fn name_of(&self, peer: PeerId) -> Option<&Name<'static>> {
        Some(&self.users.get(&peer)?.name)
    }

    /// Gives a name that nobody has to a peer that has none.
    pub fn insert(&mut self, peer: PeerId, name: &Name<'_>) {
        debug_assert!(self.find(name).is_none() && self.name_of(peer).is_none());
        self.peers.insert(name.to_owned(), peer);
        let user = User { name: name.to_owned(), partners: BTreeSet::new() };
        self.users.insert(peer, user);
    }

    /// Takes a peer out: its name is free, and its partners are no longer paired with it. They are
    /// in the user that is returned.
    pub fn remove(&mut self, peer: PeerId) -> Option<User> {
        let user = self.users.remove(&peer)?;
        self.peers.remove(user.name.as_str());
        for partner in &user.partners {
            if let Some(partner) = self.users.get_mut(partner) {
                partner.partners.remove(&peer);
            }
        }
        Some(user)
    }

    /// Makes two users partners, unless they are already.
    ///
    /// # Errors
    ///
    /// [`TooManyPartners`] if they are not yet and one of them has `limit` others.
    pub fn pair(
        &mut self,
        one: PeerId,
        other: PeerId,
        limit: usize,
    ) -> Result<(), TooManyPartners> {
        if self.are_partners(one, other) {
            return Ok(());
        }
        let both = [(one, other), (other, one)];
        for (peer, _) in both {
            if self.partners_of(peer).count() >= limit {
                return Err(TooManyPartners);
            }
        }
        for (peer, partner) in both {
            if let Some(user) = self.users.get_mut(&peer) {
                user.partners.insert(partner);
            }
        }
        Ok(())
    }

    /// Ends the pair of two users; tells whether there was one.
    pub fn unpair(&mut self, one: PeerId, other: PeerId) -> bool {
        let was_pair = self.are_partners(one, other);
        for (peer, partner) in [(one, other), (other, one)] {
            if let Some(user) = self.users.get_mut(&peer) {
                user.partners.remove(&partner);
            }
        }
        was_pair
    }

    /// With whom a peer is in a call.
    pub fn partners_of(&self, peer: PeerId) -> impl ExactSizeIterator<Item = PeerId> {
        let user = self.users.get(&peer);
        user.map(|user| user.partners.iter().copied()).unwrap_or_default()
    }

    fn are_partners(&self, one: PeerId, other: PeerId) -> bool {
        let user = self.users.get(&one);
        user.is_some_and(|user| user.partners.contains(&other))
    }

    /// The sizes and capacities of the tables.
    #[cfg(test)]
    pub fn sizes(&self) -> [(usize, usize); 2] {
        [(self.peers.len(), self.peers.capacity()), (self.users.len(), self.users.capacity())]
    }
}
