//! The experiment of the chapter on closing: what a peer loses when a socket is dropped too early.
//!
//! ```text
//! cargo run --example lost_bytes
//! ```
//!
//! A server sends a long message and a Close frame, and then ends the connection, once in the
//! obvious way and once in order. The peer had something on the way, which the server never reads.
//! The peer is slow: it begins to read when the server is through. How many bytes does it get?

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use wigwag::protocol::frame::{FrameHeader, Opcode};

/// The payload of the message.
const LENGTH: usize = 2_000_000;

/// How the server ends a connection on which all is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The socket is dropped: what arrived and was not read is still in the kernel.
    Dropped,
    /// First our direction is shut down; then all is read and discarded until the peer has closed.
    InOrder,
}

/// What became of the bytes.
#[derive(Debug)]
pub struct Outcome {
    /// So many bytes the server's kernel took to send.
    pub taken: usize,
    /// So many bytes the peer read.
    pub received: usize,
    /// Whether the last of them were the Close frame.
    pub saw_close: bool,
    /// Why the peer read no more; `None`: it came to the end in order.
    pub error: Option<ErrorKind>,
}

/// A Close frame with the code 1000, as a server sends it.
const CLOSE: [u8; 4] = [0x88, 0x02, 0x03, 0xe8];

fn serve(mut socket: TcpStream, ending: Ending, written: &Sender<usize>) -> io::Result<()> {
    // The peer speaks first, so that there is something that we have not read.
    socket.peek(&mut [0])?;
    let mut bytes = Vec::new();
    FrameHeader::new(Opcode::Binary, LENGTH as u64).encode(&mut bytes);
    bytes.resize(bytes.len() + LENGTH, b'x');
    bytes.extend(CLOSE);

    // As much as the kernel takes at once, which is all if its buffers are as large as is usual.
    socket.set_nonblocking(true)?;
    let mut taken = 0;
    while taken < bytes.len() {
        match socket.write(&bytes[taken..]) {
            Ok(count) => taken += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    socket.set_nonblocking(false)?;
    if ending == Ending::Dropped {
        drop(socket);
        let _ = written.send(taken);
        return Ok(());
    }
    socket.shutdown(Shutdown::Write)?;
    let _ = written.send(taken);
    while socket.read(&mut [0; 4096])? > 0 {}
    Ok(())
}

/// Does it once, on the loopback interface.
pub fn run(ending: Ending) -> io::Result<Outcome> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let mut peer = TcpStream::connect(listener.local_addr()?)?;
    let (socket, _) = listener.accept()?;
    let (written, is_written) = channel();
    let server = thread::spawn(move || serve(socket, ending, &written));
    // A ping; what it is does not matter, only that nobody reads it.
    peer.write_all(&[0x89, 0x80, 0x37, 0xfa, 0x21, 0x3d])?;
    let taken = is_written.recv().map_err(io::Error::other)?;

    let mut received = Vec::new();
    let error = peer.read_to_end(&mut received).err().map(|error| error.kind());
    drop(peer);
    server.join().map_err(|_| io::Error::other("the server panicked"))??;
    let saw_close = received.ends_with(&CLOSE);
    Ok(Outcome { taken, received: received.len(), saw_close, error })
}

fn main() -> Result<(), Box<dyn Error>> {
    for (name, ending) in [("dropped", Ending::Dropped), ("in order", Ending::InOrder)] {
        let Outcome { taken, received, saw_close, error } = run(ending)?;
        let close = if saw_close { "the Close frame last" } else { "no Close frame" };
        let end = error.map_or("end of stream".to_owned(), |error| error.to_string());
        println!("{name:<9} sent {taken}, received {received}, {close}; then: {end}");
    }
    Ok(())
}
