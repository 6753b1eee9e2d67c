//! One connection as a file.

use serde::{Deserialize, Serialize};

use super::hide::hide;
use super::pcap::Capture;
use super::reader::Reader;
use super::recorder::Recorder;
use super::tape::{Cursor, Read};
use super::transcript;
use crate::trace::dissect::Side;

/// The longest file. A tape of single-byte messages would be hundreds of times as long in JSON.
const LONGEST: usize = 1024 * 1024;

/// What kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Format {
    /// Packets, for Wireshark.
    #[serde(rename = "pcap")]
    Pcap,
    /// A wire script.
    #[serde(rename = "ws")]
    Script,
    /// Each item as a line of JSON.
    #[serde(rename = "jsonl")]
    JsonLines,
}

impl Format {
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Pcap => "pcap",
            Self::Script => "ws",
            Self::JsonLines => "jsonl",
        }
    }
}

/// What is on the tape of a connection, if there is one.
pub(super) fn export(
    recorder: &Recorder,
    connection: u64,
    format: Format,
    hides: bool,
) -> Option<Vec<u8>> {
    recorder.with(connection, |_| ())?;
    match format {
        Format::Pcap => packets(recorder, connection),
        Format::Script => Some(transcript::transcript(recorder, connection).into_bytes()),
        Format::JsonLines => Some(lines(recorder, connection, hides)),
    }
}

fn packets(recorder: &Recorder, connection: u64) -> Option<Vec<u8>> {
    recorder.with(connection, |record| {
        let mut capture = Capture::new(record.address(), recorder.epoch(), record.opened());
        let mut cursor = Cursor::default();
        // The ends of whose bytes some were not kept: their next one begins with the next message.
        let mut lost = Vec::new();
        loop {
            match record.tape.read(&mut cursor, usize::MAX) {
                Read::Bytes(piece, _, bytes) => {
                    let start = match lost.iter().position(|&side| side == piece.from) {
                        Some(_) if piece.fresh.is_none() => continue,
                        Some(index) => {
                            lost.swap_remove(index);
                            piece.fresh.unwrap_or(0)
                        }
                        None => 0,
                    };
                    let bytes = bytes.get(start..).unwrap_or_default();
                    capture.segment(piece.from, bytes, piece.at);
                }
                Read::Gap => {
                    lost = vec![Side::Client, Side::Server];
                    for &from in &lost {
                        let (head, at) = record.tape.head(from);
                        capture.segment(from, head, at);
                    }
                }
                Read::End => break,
            }
        }
        if record.is_closed() {
            capture.close();
        }
        capture.into_file()
    })
}

fn lines(recorder: &Recorder, connection: u64, hides: bool) -> Vec<u8> {
    let mut reader = Reader::new(recorder, connection);
    let mut lines = Vec::new();
    loop {
        let mut reading = reader.read(recorder, 64);
        for shown in &mut reading.items {
            if hides {
                hide(&mut shown.item);
            }
            if let Ok(line) = serde_json::to_string(&shown) {
                lines.extend_from_slice(line.as_bytes());
                lines.push(b'\n');
            }
        }
        if lines.len() > LONGEST {
            lines.extend_from_slice(
                b"{\"note\":\"the file would be too long: the rest is left out\"}\n",
            );
            return lines;
        }
        if !reading.more {
            return lines;
        }
    }
}
