//! How each request is done: what it needs, what it changes, and who hears of it.
//!
//! Each function either does its request or returns the [`Refusal`] that is sent instead; then
//! nothing has changed. A login is asked for before anything else, so that a stranger cannot learn
//! from the errors who is here.

use serde_json::value::RawValue;

use super::error::{ErrorCode, Refusal};
use super::name::Name;
use super::reply;
use super::request::{Envelope, Request, Signal};
use super::rooms::{Entry, NoEntry};
use super::users::Users;
use super::{Options, Signaling};
use crate::apps::{Context, Message, PeerId};

impl Signaling {
    pub(super) fn perform<'a>(
        &mut self,
        context: &mut Context<'_>,
        envelope: &Envelope<'_>,
        request: Request<'a>,
    ) -> Result<(), Refusal<'a>> {
        let id = envelope.id;
        match request {
            Request::Login { name } => self.login(context, id, name),
            Request::Signal { signal, payload, to } => self.signal(context, signal, payload, to),
            Request::Leave { to: Some(to) } => self.leave(context, to),
            Request::Leave { to: None } => self.leave_all_calls(context),
            Request::Join { room } => self.join(context, id, room),
            Request::LeaveRoom { room } => self.leave_room(context, room),
            Request::Message { room, to, payload } => self.message(context, room, to, payload),
            Request::Bye { room } => self.bye(context, room),
        }
    }

    /// Sends what a refusal says, in the form in which the request's answer is awaited.
    pub(super) fn refuse(
        &mut self,
        context: &mut Context<'_>,
        envelope: &Envelope<'_>,
        refusal: &Refusal<'_>,
    ) {
        let out = &mut self.out;
        if envelope.request.as_deref() == Some("login") {
            reply::login_failed(out, refusal, envelope.id);
        } else if refusal.code == ErrorCode::RoomFull {
            reply::full(out, refusal, envelope);
        } else {
            reply::error(out, refusal, envelope);
        }
        context.reply(Message::Text(out));
    }

    fn login<'a>(
        &mut self,
        context: &mut Context<'_>,
        id: Option<&RawValue>,
        name: Name<'a>,
    ) -> Result<(), Refusal<'a>> {
        let peer = context.peer();
        match self.users.find(&name) {
            Some(owner) if owner != peer => {
                return Err(Refusal::new(ErrorCode::NameTaken).name(name));
            }
            Some(_) => {} // its own name: nothing to change
            None => {
                // Who takes another name is somebody else to those who knew the old one.
                self.depart(context);
                self.users.insert(peer, &name);
                self.figures.logged_in();
                context.set_timeout(None);
            }
        }
        reply::logged_in(&mut self.out, &name, id);
        context.reply(Message::Text(&self.out));
        Ok(())
    }

    /// Passes an offer, an answer or a candidate on. An offer or an answer makes the two partners:
    /// each will hear when the other is gone. A candidate does not, because one that is late, after
    /// a call was left, would begin the call anew.
    fn signal<'a>(
        &mut self,
        context: &mut Context<'_>,
        signal: Signal,
        payload: &RawValue,
        to: Name<'a>,
    ) -> Result<(), Refusal<'a>> {
        let Self { options, users, out, .. } = self;
        let peer = context.peer();
        let source = own_name(users, peer)?;
        let target = find_other(users, peer, &to)?;
        // Whatever name the sender gave itself, this is the one it logged in with.
        reply::signal(out, signal, payload, source);
        if signal != Signal::Candidate {
            let limit = options.partners_per_user;
            let paired = users.pair(peer, target, limit);
            paired.map_err(|_| Refusal::new(ErrorCode::TooManyPartners).name(to))?;
        }
        context.send(target, Message::Text(out));
        Ok(())
    }

    /// Ends one call. The partner hears it now, and so not again when the connection closes.
    fn leave<'a>(&mut self, context: &mut Context<'_>, to: Name<'a>) -> Result<(), Refusal<'a>> {
        let peer = context.peer();
        let source = own_name(&self.users, peer)?;
        let target = find_other(&self.users, peer, &to)?;
        reply::leave(&mut self.out, source);
        if !self.users.unpair(peer, target) {
            return Err(Refusal::new(ErrorCode::NotInCall).name(to));
        }
        context.send(target, Message::Text(&self.out));
        Ok(())
    }

    fn leave_all_calls(&mut self, context: &mut Context<'_>) -> Result<(), Refusal<'static>> {
        let peer = context.peer();
        reply::leave(&mut self.out, own_name(&self.users, peer)?);
        let partners: Vec<PeerId> = self.users.partners_of(peer).collect();
        for partner in &partners {
            self.users.unpair(peer, *partner);
        }
        context.send_to_all(partners, Message::Text(&self.out));
        Ok(())
    }

    /// Ends what a peer has under its name: its calls, its rooms, and the name. Each partner hears
    /// it once, and so do those in each room.
    pub(super) fn depart(&mut self, context: &mut Context<'_>) {
        let peer = context.peer();
        let Some(user) = self.users.remove(peer) else {
            return;
        };
        reply::leave(&mut self.out, &user.name);
        context.send_to_all(user.partners, Message::Text(&self.out));
        for room in self.rooms.leave_all(peer) {
            reply::leave_room(&mut self.out, &room, &user.name);
            self.send_to_others(context, &room);
        }
    }

    /// Lets a peer into a room. Of each two in a room, the one who came later is the polite side.
    fn join<'a>(
        &mut self,
        context: &mut Context<'_>,
        id: Option<&RawValue>,
        room: Name<'a>,
    ) -> Result<(), Refusal<'a>> {
        let Self { options, users, rooms, out, .. } = self;
        let Options { room_capacity, rooms_per_user, .. } = *options;
        let peer = context.peer();
        let name = own_name(users, peer)?;
        let entry = match rooms.enter(&room, peer, room_capacity.get(), rooms_per_user) {
            Ok(entry) => entry,
            Err(NoEntry::RoomFull) => return Err(Refusal::new(ErrorCode::RoomFull).room(room)),
            Err(NoEntry::TooManyRooms) => {
                return Err(Refusal::new(ErrorCode::TooManyRooms).room(room));
            }
        };
        if entry == Entry::Created {
            reply::created(out, &room, name, id);
            context.reply(Message::Text(out));
            return Ok(());
        }
        let members = rooms.members(&room);
        let others = members.iter().filter(|member| **member != peer);
        let peers = others.filter_map(|member| users.name_of(*member));
        reply::joined(out, &room, name, peers, role(members, peer), id);
        context.reply(Message::Text(out));
        if entry == Entry::Joined {
            reply::join(out, &room, name);
            self.send_to_others(context, &room);
        }
        Ok(())
    }

    fn leave_room<'a>(
        &mut self,
        context: &mut Context<'_>,
        room: Name<'a>,
    ) -> Result<(), Refusal<'a>> {
        let peer = context.peer();
        let source = own_name(&self.users, peer)?;
        reply::leave_room(&mut self.out, &room, source);
        if !self.rooms.leave(&room, peer) {
            return Err(Refusal::new(ErrorCode::NotInRoom).room(room));
        }
        self.send_to_others(context, &room);
        Ok(())
    }

    fn message<'a>(
        &mut self,
        context: &mut Context<'_>,
        room: Name<'a>,
        to: Option<Name<'a>>,
        payload: &RawValue,
    ) -> Result<(), Refusal<'a>> {
        let peer = context.peer();
        let source = own_name(&self.users, peer)?;
        if !self.rooms.is_in(&room, peer) {
            return Err(Refusal::new(ErrorCode::NotInRoom).room(room));
        }
        reply::message(&mut self.out, &room, payload, source);
        let Some(to) = to else {
            self.send_to_others(context, &room);
            return Ok(());
        };
        let target = match find_other(&self.users, peer, &to) {
            Ok(target) if self.rooms.is_in(&room, target) => target,
            // Whether somebody is here, but not in the room, is not the room's business.
            Ok(_) => return Err(Refusal::new(ErrorCode::UserNotFound).name(to).room(room)),
            Err(refusal) => return Err(refusal.room(room)),
        };
        context.send(target, Message::Text(&self.out));
        Ok(())
    }

    /// Tells the others in a room of hanging up. The sender stays in the room, as in the tutorials,
    /// where the next call may begin at once.
    fn bye<'a>(&mut self, context: &mut Context<'_>, room: Name<'a>) -> Result<(), Refusal<'a>> {
        let peer = context.peer();
        let source = own_name(&self.users, peer)?;
        if !self.rooms.is_in(&room, peer) {
            return Err(Refusal::new(ErrorCode::NotInRoom).room(room));
        }
        reply::bye(&mut self.out, &room, source);
        self.send_to_others(context, &room);
        Ok(())
    }

    /// Sends what is in `out` to all in a room but the peer that the call is about.
    fn send_to_others(&self, context: &mut Context<'_>, room: &Name<'_>) {
        let peer = context.peer();
        let members = self.rooms.members(room).iter().copied();
        let others = members.filter(|member| *member != peer);
        context.send_to_all(others, Message::Text(&self.out));
    }
}

fn own_name(users: &Users, peer: PeerId) -> Result<&Name<'static>, Refusal<'static>> {
    let name = users.name_of(peer);
    name.ok_or(Refusal::new(ErrorCode::NotLoggedIn))
}

fn find_other<'a>(users: &Users, peer: PeerId, to: &Name<'a>) -> Result<PeerId, Refusal<'a>> {
    match users.find(to) {
        Some(target) if target != peer => Ok(target),
        Some(_) => Err(Refusal::new(ErrorCode::ToYourself).name(to.clone())),
        None => Err(Refusal::new(ErrorCode::UserNotFound).name(to.clone())),
    }
}

/// Whether a peer is polite towards all others in its room, being the last to arrive, or impolite,
/// being the first. In between it is both, and alone it is neither.
fn role(members: &[PeerId], peer: PeerId) -> Option<bool> {
    match members {
        [_] => None,
        [.., last] if *last == peer => Some(true),
        [first, ..] if *first == peer => Some(false),
        _ => None,
    }
}
