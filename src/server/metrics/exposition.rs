//! `/metrics`: all that is counted, in Prometheus' text format.
//!
//! The library writes OpenMetrics, in which a counter's family is called `x` and its sample
//! `x_total`. Prometheus' own format, version 0.0.4, which every collector reads, calls both
//! `x_total` and is otherwise the same; so counters are handed to the library under their whole
//! names, their values by the function for gauges, which adds nothing to a name. Units stand in the
//! names, as Prometheus advises.

use std::fmt;
use std::time::UNIX_EPOCH;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode_registry;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::super::budget::Pressure;
use super::super::site::Shared;
use super::{CODES, Count, ENDS, FAMILIES, Metrics, OWN_CODES, STATUSES, TURN_BOUNDS, Tally};
use crate::apps::FigureKind;
use crate::protocol::Violation;

/// What the answer is, for its Content-Type.
pub(in crate::server) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// By whom a WebSocket may be ended, in the order in which [`Counters::ended`] counts.
///
/// [`Counters::ended`]: super::Counters::ended
const ENDED_BY: [&str; ENDS] = ["peer", "local", "violation", "transport", "silence"];

/// The page, as it is now.
pub(in crate::server) fn page(shared: &Shared, draining: bool) -> String {
    let metrics = &shared.metrics;
    let mut page = Page::default();
    connections(&mut page, shared);
    for family in FAMILIES {
        let samples = family.counts.iter().map(|&(count, value)| {
            let labels = if family.label.is_empty() { vec![] } else { label(family.label, value) };
            (labels, metrics.sum(|counters| counters.get(count)) as f64)
        });
        page.family(family.name, family.help, MetricType::Counter, samples.collect());
    }
    by_status(&mut page, metrics);
    endings(&mut page, metrics);
    queues(&mut page, shared);
    figures(&mut page, metrics);
    process(&mut page, metrics, draining);
    turns(&mut page, metrics);

    let mut registry = Registry::default();
    registry.register_collector(Box::new(page));
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = encode_registry(&mut text, &registry);
    text
}

/// How many are there now. What two counters say of one moment may be a moment apart, so no
/// difference of theirs goes below nothing.
fn connections(page: &mut Page, shared: &Shared) {
    let sum = |count| shared.metrics.sum(|counters| counters.get(count));
    let public = sum(Count::AcceptedPublic).saturating_sub(sum(Count::ClosedPublic));
    let admin = sum(Count::AcceptedAdmin).saturating_sub(sum(Count::ClosedAdmin));
    let opened = shared.metrics.sum(|counters| counters.handshakes.first().map_or(0, Tally::get));
    let ended =
        shared.metrics.sum(|counters| counters.closes.iter().flatten().map(Tally::get).sum());
    let open = opened.saturating_sub(ended);
    let samples = [("websocket", open), ("other", public.saturating_sub(open)), ("admin", admin)];
    page.family(
        "wigwag_connections",
        "TCP connections now; other: before the handshake, in plain HTTP, or closing.",
        MetricType::Gauge,
        samples.map(|(kind, value)| (label("kind", kind), value as f64)).into(),
    );
    let limit = shared.limits.connections as f64;
    let help = "So many public connections are accepted at the most.";
    page.family("wigwag_connections_limit", help, MetricType::Gauge, vec![(vec![], limit)]);
}

fn by_status(page: &mut Page, metrics: &Metrics) {
    let samples = |handshakes: bool| {
        let samples = STATUSES.iter().enumerate().map(|(place, &status)| {
            let value = metrics.sum(|counters| {
                let tallies = if handshakes { &counters.handshakes } else { &counters.responses };
                tallies.get(place).map_or(0, Tally::get)
            });
            let status = if status == 0 { "other".to_owned() } else { status.to_string() };
            (label("status", &status), value as f64)
        });
        samples.collect()
    };
    let help = "Handshakes, by the HTTP status of their answer; 101: a WebSocket.";
    page.family("wigwag_handshakes_total", help, MetricType::Counter, samples(true));
    let help = "Requests for anything but a WebSocket, by the HTTP status of their answer.";
    page.family("wigwag_http_responses_total", help, MetricType::Counter, samples(false));
}

fn endings(page: &mut Page, metrics: &Metrics) {
    let mut closes = Vec::new();
    for (by, who) in ENDED_BY.into_iter().enumerate() {
        for code in 0..CODES {
            let value = metrics.sum(|counters| {
                counters.closes.get(by).and_then(|codes| codes.get(code)).map_or(0, Tally::get)
            });
            // Who closes may do so with any code; the other endings have few, shown once they
            // happen.
            if value > 0 || by < 2 || code == CODES - 1 {
                let labels = [label("by", who), label("code", &code_name(code))].concat();
                closes.push((labels, value as f64));
            }
        }
    }
    let help = "WebSockets that have ended, by who ended them and the code of the Close frame.";
    page.family("wigwag_closes_total", help, MetricType::Counter, closes);

    let violations = Violation::ALL.into_iter().map(|violation| {
        let value = metrics
            .sum(|counters| counters.violations.get(violation as usize).map_or(0, Tally::get));
        (label("violation", &snake_case(&format!("{violation:?}"))), value as f64)
    });
    let help = "Rules of the protocol that peers broke; each ended one WebSocket.";
    page.family("wigwag_violations_total", help, MetricType::Counter, violations.collect());
}

fn code_name(code: usize) -> String {
    match code {
        code if code < OWN_CODES => (1000 + code).to_string(),
        OWN_CODES => "1016-2999".to_owned(),
        code if code == OWN_CODES + 1 => "3000-3999".to_owned(),
        code if code == OWN_CODES + 2 => "4000-4999".to_owned(),
        _ => "none".to_owned(),
    }
}

fn queues(page: &mut Page, shared: &Shared) {
    let budget = &shared.budget;
    let help = "Bytes queued in outboxes and unfinished messages.";
    let used = budget.used() as f64;
    page.family("wigwag_queued_bytes", help, MetricType::Gauge, vec![(vec![], used)]);
    let help = "The budget for the bytes queued in the whole process.";
    let limit = shared.limits.queued as f64;
    page.family("wigwag_queued_limit_bytes", help, MetricType::Gauge, vec![(vec![], limit)]);
    let now = budget.pressure();
    let steps = [
        (Pressure::None, "none"),
        (Pressure::RefuseNewcomers, "refuse_newcomers"),
        (Pressure::CloseLargest, "close_largest"),
        (Pressure::StopAccepting, "stop_accepting"),
    ];
    let samples =
        steps.map(|(step, name)| (label("state", name), f64::from(u8::from(step == now))));
    let help = "What the server does because of the bytes queued: 1 for the present state.";
    page.family("wigwag_queued_state", help, MetricType::Gauge, samples.into());
}

/// What applications count. Figures of one name are one family, with a sample for each mount.
fn figures(page: &mut Page, metrics: &Metrics) {
    let all = || {
        metrics
            .figures
            .iter()
            .flat_map(|(path, figures)| figures.iter().map(move |figure| (path, figure)))
    };
    let mut names: Vec<&str> = Vec::new();
    for (_, figure) in all() {
        if names.contains(&figure.name) {
            continue;
        }
        names.push(figure.name);
        let mut samples: Vec<Sample> = Vec::new();
        // Each loop may have an application of its own at a path.
        for (path, same) in all().filter(|(_, other)| other.name == figure.name) {
            let labels = label("mount", path);
            match samples.iter_mut().find(|(others, _)| *others == labels) {
                Some((_, value)) => *value += same.get() as f64,
                None => samples.push((labels, same.get() as f64)),
            }
        }
        let (suffix, kind) = match figure.kind {
            FigureKind::Total => ("_total", MetricType::Counter),
            FigureKind::Now => ("", MetricType::Gauge),
        };
        page.family(&format!("wigwag_{}{suffix}", figure.name), figure.help, kind, samples);
    }
}

fn process(page: &mut Page, metrics: &Metrics, draining: bool) {
    let help = "1 while the server is ending, and waits for its peers to close.";
    let draining = f64::from(u8::from(draining));
    page.family("wigwag_draining", help, MetricType::Gauge, vec![(vec![], draining)]);
    let help = "Event loops, each on a thread of its own.";
    let loops = metrics.loops.len() as f64;
    page.family("wigwag_loops", help, MetricType::Gauge, vec![(vec![], loops)]);
    let version = label("version", env!("CARGO_PKG_VERSION"));
    let help = "1, with the version of wigwag.";
    page.family("wigwag_build_info", help, MetricType::Gauge, vec![(version, 1.0)]);
    let started = metrics.started.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let help = "When the process started, in seconds since 1970.";
    let name = "process_start_time_seconds";
    page.family(name, help, MetricType::Gauge, vec![(vec![], started)]);
}

fn turns(page: &mut Page, metrics: &Metrics) {
    let bounds = TURN_BOUNDS.iter().map(|&bound| bound as f64 / 1e9).chain([f64::INFINITY]);
    let buckets = bounds.enumerate().map(|(place, bound)| {
        let count = metrics.sum(|counters| counters.turns.get(place).map_or(0, Tally::get));
        (bound, count)
    });
    page.turn_sum = metrics.sum(|counters| counters.turn_nanoseconds.get()) as f64 / 1e9;
    page.turn_buckets = buckets.collect();
}

type Labels = Vec<(&'static str, String)>;
type Sample = (Labels, f64);

fn label(name: &'static str, value: &str) -> Labels {
    vec![(name, value.to_owned())]
}

/// `MessageTooBig` as `message_too_big`.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// Everything that is to be told, read once.
#[derive(Debug, Default)]
struct Page {
    families: Vec<(String, &'static str, MetricType, Vec<Sample>)>,
    turn_sum: f64,
    turn_buckets: Vec<(f64, u64)>,
}

impl Page {
    fn family(&mut self, name: &str, help: &'static str, kind: MetricType, samples: Vec<Sample>) {
        self.families.push((name.to_owned(), help, kind, samples));
    }
}

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for (name, help, kind, samples) in &self.families {
            let mut family = encoder.encode_descriptor(name, help, None, *kind)?;
            for (labels, value) in samples {
                // Without labels there are no braces either.
                if labels.is_empty() {
                    encode_value(&mut family, *value)?;
                } else {
                    encode_value(&mut family.encode_family(labels)?, *value)?;
                }
            }
        }
        let help = "How long the turns of the event loops took, without waiting.";
        let name = "wigwag_loop_turn_duration_seconds";
        let mut turns = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
        let count = self.turn_buckets.iter().map(|(_, count)| count).sum();
        turns.encode_histogram::<NoLabelSet>(self.turn_sum, count, &self.turn_buckets, None)
    }
}

/// Counts are written without a fraction, as they are.
fn encode_value(sample: &mut MetricEncoder<'_>, value: f64) -> Result<(), fmt::Error> {
    match value as u64 {
        whole if whole as f64 == value => sample.encode_gauge(&whole),
        _ => sample.encode_gauge(&value),
    }
}
