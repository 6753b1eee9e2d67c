//! The exercises of the chapters, those that are wire scripts, with their answers.
//!
//! `wigwag exercise` gives them out with the answers left out, and judges what is put in their
//! place.

/// An exercise.
#[derive(Clone, Copy, Debug)]
pub struct Exercise {
    /// Its name: that of its chapter, and a number.
    pub name: &'static str,
    /// The script with its answers; `trace::exercise` reads it.
    pub script: &'static str,
}

impl Exercise {
    /// The chapter that it belongs to.
    pub fn chapter(&self) -> &'static str {
        self.name.rsplit_once('-').map_or(self.name, |(chapter, _)| chapter)
    }
}

macro_rules! exercises {
    ($($name:literal)*) => {
        &[$(Exercise { name: $name, script: include_str!(concat!("exercises/", $name, ".ws")) }),*]
    };
}

/// All of them, in the order of the chapters.
pub const ALL: &[Exercise] = exercises![
    "bytes-1" "bytes-2" "bytes-3"
    "frame-1" "frame-2" "frame-3"
    "masks-1" "masks-2" "masks-3"
    "fragmentation-1" "fragmentation-2" "fragmentation-3"
    "utf8-1" "utf8-2" "utf8-3"
    "control-1" "control-2" "control-3"
    "closing-1" "closing-2" "closing-3"
    "compression-1" "compression-2" "compression-3"
    "tutorials-1" "tutorials-2" "tutorials-3"
];
