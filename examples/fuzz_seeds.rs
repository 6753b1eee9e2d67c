//! Writes the seeds of the fuzz targets: `cargo run --example fuzz_seeds`, before `cargo fuzz run`.
//!
//! What arrives in the wire scripts becomes inputs for `session`, `differential`, `frame_header`
//! and `utf8`. Each property, in `fuzz/properties`, describes in its first lines how its input is
//! made up.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use wigwag::protocol::Role;
use wigwag::trace::script::{Action, Happening, Script, Seen, Step};

const REQUESTS: [&str; 3] = [
    "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
     Connection: Upgrade\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://example.com\r\n\
     Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "GET /?room=1 HTTP/1.1\r\nHost: [::1]:8888\r\nConnection: keep-alive, Upgrade\r\n\
     Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nOrigin: https://example.com\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
     Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=\"10\", x;a=b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
];

const CONVERSATIONS: [&[&str]; 2] = [
    &[
        "0{\"type\":\"login\",\"name\":\"alice\"}",
        "1{\"type\":\"login\",\"name\":\"bob\"}",
        "0{\"type\":\"offer\",\"offer\":{\"sdp\":\"v=0\"},\"name\":\"bob\"}",
        "1{\"type\":\"answer\",\"answer\":{\"sdp\":\"v=0\"},\"name\":\"alice\",\"id\":7}",
        "0{\"type\":\"candidate\",\"candidate\":null,\"name\":\"bob\"}",
        "1{\"type\":\"leave\",\"name\":\"alice\"}",
        "0ping",
    ],
    &[
        "2{\"type\":\"login\",\"name\":\"carol\"}",
        "3{\"type\":\"login\",\"name\":\"dave\"}",
        "2{\"type\":\"create or join\",\"room\":\"foo\"}",
        "3{\"type\":\"join\",\"room\":\"foo\",\"id\":\"a\"}",
        "3{\"type\":\"message\",\"room\":\"foo\",\"message\":[1,{}]}",
        "2{\"type\":\"bye\",\"room\":\"foo\"}",
        "2{\"type\":\"leave-room\",\"room\":\"foo\"}",
        "3{\"type\":\"login\",\"name\":\"dora\"}",
    ],
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seeds = Seeds { folder: root.join("fuzz/corpus"), count: 0 };
    for folder in fs::read_dir(root.join("tests/scripts"))? {
        let folder = folder?.path();
        if !folder.is_dir() {
            continue;
        }
        for file in fs::read_dir(folder)? {
            let file = file?.path();
            let script = Script::parse(&fs::read_to_string(&file)?)
                .map_err(|error| format!("{}: {error}", file.display()))?;
            of_script(&script, &mut seeds)?;
        }
    }
    for request in REQUESTS {
        seeds.write("handshake", request.as_bytes())?;
    }
    for conversation in CONVERSATIONS {
        let messages: Vec<&[u8]> = conversation.iter().map(|line| line.as_bytes()).collect();
        seeds.write("signaling", &messages.join(&0xff))?;
    }
    // "Hello" twice, compressed, the second time by reference to the first: RFC 7692, 7.2.3.2.
    let hello: &[&[u8]] =
        &[b"\xc1\x87\0\0\0\0\xf2\x48\xcd\xc9\xc9\x07\0", b"\xc1\x85\0\0\0\0\xf2\0\x11\0\0"];
    for flags in [16, 16 | 4, 16 | 2, 16 | 64] {
        seeds.write("session", &[&[flags, 3, 1, 7, 50], &hello.concat()[..]].concat())?;
    }
    of_deflate(&mut seeds)?;
    of_pair(&mut seeds)?;
    println!("{} seeds in {}", seeds.count, seeds.folder.display());
    Ok(())
}

/// Compressed messages: the examples of RFC 7692, 7.2.3, and what must be refused.
fn of_deflate(seeds: &mut Seeds) -> Result<(), Box<dyn Error>> {
    let hello: &[u8] = b"\xf2\x48\xcd\xc9\xc9\x07\0";
    let conversations: [&[&[u8]]; 6] = [
        &[hello, b"\xf2\0\x11\0\0"],
        &[b"\0\x05\0\xfa\xffHello\0", hello],
        &[b"\xf3\x48\xcd\xc9\xc9\x07\0\0", hello],
        &[b"\xf2\x48\x05\0\0\0\xff\xff\xca\xc9\xc9\x07\0", b"", hello],
        &[hello, b"\xf2\x48\xcd"],
        &[b"\x06"],
    ];
    for messages in conversations {
        let mut bytes = Vec::new();
        for message in messages {
            bytes.push(message.len() as u8);
            bytes.extend_from_slice(message);
        }
        for flags in [0, 1, 2, 4 | 3, 7 << 3] {
            seeds.write("deflate", &[&[flags, 2, 3], &bytes[..]].concat())?;
        }
    }
    Ok(())
}

/// Both ends send, the network takes some, one closes or both do.
fn of_pair(seeds: &mut Seeds) -> Result<(), Box<dyn Error>> {
    let deeds: &[u8] =
        b"\0\x05hello\x0c\x03\x01\x05world\x0d\xff\x04\x04abcd\x06\x20\x08\x05\x0c\xff\x09\0";
    let ends: [&[u8]; 4] = [b"", b"\x0a\x01", b"\x0b\0\x0c\x20\0\x02hi", b"\x0a\x01\x0b\x3f"];
    for end in ends {
        for flags in [0, 1, 2, 4, 4 | 8, 4 | 16, 0xe0 | 5, 0x20] {
            seeds.write("pair", &[&[flags], deeds, end].concat())?;
        }
    }
    Ok(())
}

fn of_script(script: &Script, seeds: &mut Seeds) -> Result<(), Box<dyn Error>> {
    let role = u8::from(script.role == Role::Client);
    let input = script.input();
    // Longer ones make the fuzzer slow and show nothing new.
    if input.len() <= 1000 {
        // With messages sent back and without, in small limits and in large ones.
        for flags in [0, 2, 4, 12] {
            seeds.write("session", &[&[role | flags, 3, 1, 7, 50], &input[..]].concat())?;
        }
        if script.role == Role::Server {
            for size in [0, 3] {
                seeds.write("differential", &[&[size], &input[..]].concat())?;
            }
        }
    }
    for line in &script.lines {
        match &line.step {
            Step::Act(Action::Receive(bytes)) => {
                let header = &bytes[..bytes.len().min(16)];
                seeds.write("frame_header", &[&[role], header].concat())?;
                seeds.write("frame_header", &[&[role | 2], header].concat())?;
            }
            Step::Expect(Happening::Event(Seen::Text(text))) if text.len() <= 1000 => {
                seeds.write("utf8", &[&[2, 1, 3], text.as_bytes()].concat())?;
            }
            _ => {}
        }
    }
    Ok(())
}

struct Seeds {
    folder: PathBuf,
    count: usize,
}

impl Seeds {
    fn write(&mut self, target: &str, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
        let folder = self.folder.join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("seed-{:04}", self.count)), bytes)?;
        self.count += 1;
        Ok(())
    }
}
