//! What one address may take of the server, however many connections it makes.
//!
//! An IPv4 address counts for itself. Of an IPv6 address the first 64 bits count, because whoever
//! has one has all that share them (RFC 4291, 2.5.1: the rest is the interface's own). An IPv4
//! address that is mapped into IPv6 is an IPv4 address.
//!
//! The tables are bounded, whoever comes from wherever:
//!
//! - [`Visitors`] is shared by all loops, and asked when a connection comes and goes. It has an
//!   entry for each address that is connected, so no more than there are connections; and it
//!   remembers at most [`REMEMBERED`] that are not, but have not paid for their connections yet.
//!   More are forgotten: they begin anew, with a full burst.
//! - [`Talkers`] is each loop's own, so that a message costs neither a lock nor a wait for other
//!   loops: with N loops an address may send N times its rate, if it spreads its connections over
//!   them. It has at most [`REMEMBERED`] entries; while that many addresses talk at a time, the
//!   messages of further ones are not counted, except by connection.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use log::warn;

use super::rate::Rate;

/// How many addresses are remembered that have no connection; how many may be counted that talk.
const REMEMBERED: usize = 4096;

/// A full table is swept at most this often: sweeping takes as long as the table is large.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// What one address may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressLimits {
    /// Connections at a time; more are answered with 429.
    pub connections: usize,
    /// New connections; more are answered with 429. `None`: as many as it likes.
    pub connection_rate: Option<Rate>,
    /// Messages, on mounts that have a rate; more are refused as those of a connection that is too
    /// fast are, but nobody is closed for what an address does. `None`: as many as it likes.
    pub message_rate: Option<Rate>,
    /// Those that are not counted.
    pub exempt: Vec<Network>,
}

impl Default for AddressLimits {
    /// An office behind one address may reload a page together; a script in a loop may not take all
    /// connections. Whoever is on this machine is its user, or a reverse proxy that speaks for
    /// many, so it is exempt.
    fn default() -> Self {
        Self {
            connections: 1024,
            connection_rate: Some(Rate { per_second: 50, burst: 500 }),
            message_rate: Some(Rate { per_second: 500, burst: 2000 }),
            exempt: vec![
                Network { address: Ipv4Addr::new(127, 0, 0, 0).into(), prefix: 8 },
                Network { address: std::net::Ipv6Addr::LOCALHOST.into(), prefix: 128 },
            ],
        }
    }
}

/// A network: `10.0.0.0/8`, `2001:db8::/32`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    /// Whether an address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let differ = match (self.address, address.to_canonical()) {
            (IpAddr::V4(one), IpAddr::V4(other)) => {
                u128::from(u32::from(one) ^ u32::from(other)) << 96
            }
            (IpAddr::V6(one), IpAddr::V6(other)) => u128::from(one) ^ u128::from(other),
            _ => return false,
        };
        differ.leading_zeros() >= self.prefix
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a network is such as 10.0.0.0/8, 2001:db8::/32 or 192.0.2.1".to_owned();
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().ok().filter(|&p| p <= longest).ok_or_else(wrong)?,
            None => longest,
        };
        Ok(Self { address, prefix })
    }
}

/// Whose connections count together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Visitor {
    V4(Ipv4Addr),
    V6([u16; 4]),
}

impl Visitor {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6([a, b, c, d])
            }
        }
    }
}

/// The addresses that are connected, or were a moment ago.
pub(super) struct Visitors {
    limits: AddressLimits,
    visits: Mutex<Visits>,
}

#[derive(Default)]
struct Visits {
    /// The keys of a map are hashed with keys of its own, so that nobody can choose those that
    /// collide.
    table: HashMap<Visitor, Visit>,
    /// How many of them have no connection.
    remembered: usize,
    next_sweep: Option<Instant>,
}

#[derive(Default)]
struct Visit {
    connections: usize,
    paid_until: Option<Instant>,
    /// Whether a refusal was logged.
    told: bool,
}

impl Visitors {
    pub(super) fn new(limits: AddressLimits) -> Self {
        Self { limits, visits: Mutex::default() }
    }

    /// Whether what this address does is counted.
    pub(super) fn counts(&self, address: IpAddr) -> bool {
        !self.limits.exempt.iter().any(|network| network.contains(address))
    }

    /// A connection comes. False if its address has too many, or makes them too fast; then it is to
    /// be turned away, and does not leave.
    pub(super) fn arrive(&self, address: IpAddr, now: Instant) -> bool {
        let Visits { table, remembered, next_sweep } = &mut *self.lock();
        if *remembered >= REMEMBERED && next_sweep.is_none_or(|time| time <= now) {
            *next_sweep = now.checked_add(SWEEP_EVERY);
            table.retain(|_, visit| {
                visit.connections > 0 || visit.paid_until.is_some_and(|until| until > now)
            });
            table.shrink_to_fit();
            *remembered = table.values().filter(|visit| visit.connections == 0).count();
        }
        let mut is_new = false;
        let visit = table.entry(Visitor::of(address)).or_insert_with(|| {
            is_new = true;
            Visit::default()
        });
        let rate = self.limits.connection_rate;
        let comes = visit.connections < self.limits.connections.max(1)
            && rate.is_none_or(|rate| rate.take(&mut visit.paid_until, now));
        if comes {
            *remembered -= usize::from(visit.connections == 0 && !is_new);
            visit.connections += 1;
        } else {
            // A bucket is never empty for the first, so this one is not new.
            let first = !std::mem::replace(&mut visit.told, true);
            if first {
                warn!("{address} turned away: too many connections from there");
            }
        }
        comes
    }

    /// A connection goes.
    pub(super) fn leave(&self, address: IpAddr) {
        let Visits { table, remembered, .. } = &mut *self.lock();
        let visitor = Visitor::of(address);
        let Some(visit) = table.get_mut(&visitor).filter(|visit| visit.connections > 0) else {
            return;
        };
        visit.connections -= 1;
        if visit.connections > 0 {
            return;
        }
        if visit.paid_until.is_none() || *remembered >= REMEMBERED {
            table.remove(&visitor);
        } else {
            *remembered += 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Visits> {
        self.visits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The addresses whose messages one loop counts.
#[derive(Default)]
pub(super) struct Talkers {
    table: HashMap<Visitor, Option<Instant>>,
    next_sweep: Option<Instant>,
}

impl Talkers {
    /// Whether a message from this address may pass.
    pub(super) fn pass(&mut self, address: IpAddr, rate: Rate, now: Instant) -> bool {
        let visitor = Visitor::of(address);
        if let Some(paid_until) = self.table.get_mut(&visitor) {
            return rate.take(paid_until, now);
        }
        if self.table.len() >= REMEMBERED {
            if self.next_sweep.is_some_and(|time| time > now) {
                return true;
            }
            self.next_sweep = now.checked_add(SWEEP_EVERY);
            self.table.retain(|_, paid_until| paid_until.is_some_and(|until| until > now));
            if self.table.len() >= REMEMBERED {
                return true;
            }
        }
        rate.take(self.table.entry(visitor).or_default(), now)
    }
}

#[cfg(test)]
mod tests;
