//! Who counts together, what they may take, and how large the tables get.

use std::net::Ipv6Addr;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn visitors(connections: usize, per_second: u32, burst: u32) -> Visitors {
    let connection_rate = Some(Rate { per_second, burst });
    Visitors::new(AddressLimits { connections, connection_rate, ..AddressLimits::default() })
}

impl Visitors {
    fn size(&self) -> (usize, usize) {
        let visits = self.lock();
        assert_eq!(
            visits.remembered,
            visits.table.values().filter(|visit| visit.connections == 0).count()
        );
        (visits.table.len(), visits.remembered)
    }
}

#[test]
fn an_ipv6_network_of_64_bits_counts_as_one_and_a_mapped_address_as_ipv4() {
    let same = |one, other| Visitor::of(ip(one)) == Visitor::of(ip(other));
    assert!(same("192.0.2.1", "192.0.2.1"));
    assert!(!same("192.0.2.1", "192.0.2.2"));
    assert!(same("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff"));
    assert!(!same("2001:db8:0:1::1", "2001:db8:0:2::1"));
    assert!(same("::ffff:192.0.2.1", "192.0.2.1"));
    assert!(!same("::ffff:192.0.2.1", "::ffff:192.0.2.2"));
}

#[test]
fn networks_are_read_and_contain_what_they_say() {
    let contains =
        |network: &str, address| network.parse::<Network>().unwrap().contains(ip(address));
    assert!(contains("127.0.0.0/8", "127.255.0.1"));
    assert!(contains("127.0.0.0/8", "::ffff:127.0.0.1"));
    assert!(!contains("127.0.0.0/8", "128.0.0.1"));
    assert!(contains("192.0.2.1", "192.0.2.1"));
    assert!(!contains("192.0.2.1", "192.0.2.0"));
    assert!(contains("0.0.0.0/0", "203.0.113.9"));
    assert!(!contains("0.0.0.0/0", "::1"));
    assert!(contains("2001:db8::/32", "2001:db8:ffff::1"));
    assert!(!contains("2001:db8::/32", "2001:db9::1"));
    assert!(contains("::/0", "2001:db9::1"));
    assert!(!contains("::1", "::2"));
    for wrong in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "10.0.0.0/-1", "all"] {
        assert!(wrong.parse::<Network>().is_err(), "{wrong}");
    }
    let loopback = AddressLimits::default().exempt;
    let exempt = |address| loopback.iter().any(|network| network.contains(ip(address)));
    assert!(exempt("127.0.0.1") && exempt("::1") && exempt("::ffff:127.0.0.1"));
    assert!(!exempt("192.0.2.1") && !exempt("2001:db8::1"));
}

#[test]
fn an_address_has_so_many_connections_and_others_are_not_hindered() {
    let now = Instant::now();
    let visitors = visitors(3, 1000, 1000);
    let (one, other) = (ip("192.0.2.1"), ip("192.0.2.2"));
    assert_eq!([one; 5].map(|ip| visitors.arrive(ip, now)), [true, true, true, false, false]);
    assert!(visitors.arrive(other, now));
    visitors.leave(one);
    assert_eq!([one; 2].map(|ip| visitors.arrive(ip, now)), [true, false]);
}

#[test]
fn an_address_connects_so_fast_however_short_its_visits_are() {
    let now = Instant::now();
    let visitors = visitors(1000, 10, 3);
    let one = ip("2001:db8::1");
    let mut comes = |ms| {
        let comes = visitors.arrive(one, now + Duration::from_millis(ms));
        if comes {
            visitors.leave(one);
        }
        comes
    };
    assert_eq!([0; 5].map(&mut comes), [true, true, true, false, false]);
    assert_eq!([100; 2].map(&mut comes), [true, false]);
    assert_eq!([5000; 4].map(&mut comes), [true, true, true, false]);
}

/// Very many networks of one owner, each for a moment.
#[test]
fn the_table_does_not_grow_with_the_addresses_that_come_and_go() {
    let now = Instant::now();
    let visitors = visitors(1000, 1, 10);
    let stays = ip("192.0.2.1");
    assert!(visitors.arrive(stays, now));
    for number in 0..50_000_u128 {
        let address = IpAddr::V6(Ipv6Addr::from(number << 64));
        assert!(visitors.arrive(address, now));
        visitors.leave(address);
    }
    assert_eq!(visitors.size(), (REMEMBERED + 1, REMEMBERED));
    // Once they have paid, they are forgotten; those who are there are not.
    assert!(visitors.arrive(stays, now + Duration::from_secs(2)));
    assert_eq!(visitors.size(), (1, 0));
    visitors.leave(stays);
    visitors.leave(stays);
    visitors.leave(stays);
    assert_eq!(visitors.size(), (1, 1));
}

#[test]
fn talkers_are_counted_by_address_in_a_table_that_does_not_grow() {
    let now = Instant::now();
    let rate = Rate { per_second: 1, burst: 2 };
    let mut talkers = Talkers::default();
    let one = ip("192.0.2.1");
    assert_eq!([one; 3].map(|ip| talkers.pass(ip, rate, now)), [true, true, false]);
    for number in 0..50_000_u128 {
        let address = IpAddr::V6(Ipv6Addr::from(number << 64));
        assert!(talkers.pass(address, rate, now));
    }
    assert_eq!(talkers.table.len(), REMEMBERED);
    // Who is in the table is still counted, and those who are not pass.
    assert!(!talkers.pass(one, rate, now));
    let late = ip("192.0.2.9");
    assert_eq!([late; 3].map(|ip| talkers.pass(ip, rate, now)), [true, true, true]);
    // When there is room again they are counted like others.
    let later = now + Duration::from_secs(2);
    assert_eq!([late; 3].map(|ip| talkers.pass(ip, rate, later)), [true, true, false]);
    assert_eq!(talkers.table.len(), 1);
}
