//! The floor: a mio loop that reads and writes as many bytes as an echo server must, and no more.
//!
//! After an HTTP upgrade to `/text/20` (an opcode and a payload size) it counts the bytes that
//! arrive. For each complete client frame's worth (header, masking key, payload) it owes one
//! server frame's worth, and pays from a buffer that was filled once: nothing is parsed, unmasked,
//! validated or copied. Its replies are whole frames of zero bytes, so that the same client can
//! drive it. Like wigwag it is one thread, polls edge-triggered, takes a short read for
//! exhaustion, and answers everything that one read brought with one write.
//!
//! What a server spends above this, it spends on WebSocket itself.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use peers::{MAX_SIZE, Opcode, accept_key, header, header_value};

const LISTENER: Token = Token(usize::MAX);
const SCRATCH: usize = 64 * 1024;
const MAX_HEAD: usize = 8 * 1024;

/// How many bytes come and go for each message, and the bytes that go.
struct Shape {
    request: usize,
    reply: usize,
    /// Whole replies, one after the other: enough to answer a full scratch buffer at once.
    replies: Vec<u8>,
}

impl Shape {
    fn new(opcode: Opcode, size: usize) -> Self {
        let mut frame = header(opcode, size, false);
        let request = frame.len() + 4 + size;
        frame.resize(frame.len() + size, 0);
        let count = SCRATCH / request + 2;
        Self {
            request,
            reply: frame.len(),
            replies: frame.repeat(count),
        }
    }
}

struct Peer {
    stream: TcpStream,
    /// The request head until it is complete; no memory after that.
    head: Vec<u8>,
    shape: Option<Rc<Shape>>,
    /// Bytes of a frame that has not arrived whole.
    unanswered: usize,
    /// Bytes of replies that are still to be written ...
    owed: usize,
    /// ... and how far into a reply the last write came.
    offset: usize,
}

struct Bare {
    peers: Vec<Option<Peer>>,
    free: Vec<usize>,
    shapes: HashMap<String, Rc<Shape>>,
    scratch: Vec<u8>,
}

fn main() -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut listener = TcpListener::bind("127.0.0.1:0".parse().expect("a literal address"))?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("listening on http://{}/", listener.local_addr()?);
    let mut bare = Bare {
        peers: Vec::new(),
        free: Vec::new(),
        shapes: HashMap::new(),
        scratch: vec![0; SCRATCH],
    };
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            result => result?,
        }
        for event in &events {
            match event.token() {
                LISTENER => bare.accept(&listener, &poll)?,
                Token(slot) => bare.serve(slot, event.is_read_closed()),
            }
        }
    }
}

impl Bare {
    fn accept(&mut self, listener: &TcpListener, poll: &Poll) -> io::Result<()> {
        loop {
            let mut stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            let slot = self.free.pop().unwrap_or(self.peers.len());
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry()
                .register(&mut stream, Token(slot), interest)?;
            let peer = Peer {
                stream,
                head: Vec::new(),
                shape: None,
                unanswered: 0,
                owed: 0,
                offset: 0,
            };
            match self.peers.get_mut(slot) {
                Some(place) => *place = Some(peer),
                None => self.peers.push(Some(peer)),
            }
        }
    }

    fn serve(&mut self, slot: usize, ended: bool) {
        let Some(Some(peer)) = self.peers.get_mut(slot) else {
            return;
        };
        let open = peer
            .turn(ended, &mut self.scratch, &mut self.shapes)
            .unwrap_or(false);
        if !open {
            self.peers[slot] = None;
            self.free.push(slot);
        }
    }
}

impl Peer {
    /// Reads what there is and answers it. False: the peer has gone.
    fn turn(
        &mut self,
        ended: bool,
        scratch: &mut [u8],
        shapes: &mut HashMap<String, Rc<Shape>>,
    ) -> io::Result<bool> {
        self.pay()?;
        loop {
            let count = match self.stream.read(scratch) {
                Ok(0) => return Ok(false),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(error),
            };
            match &self.shape {
                Some(shape) => {
                    let bytes = self.unanswered + count;
                    self.unanswered = bytes % shape.request;
                    self.owed += bytes / shape.request * shape.reply;
                    self.pay()?;
                }
                None => self.upgrade(&scratch[..count], shapes)?,
            }
            // epoll(7): a short read means that the socket is exhausted. But an end that came with
            // the bytes is announced only once: then it must be read, too.
            if count < scratch.len() && !ended {
                return Ok(true);
            }
        }
    }

    fn pay(&mut self) -> io::Result<()> {
        let Some(shape) = &self.shape else {
            return Ok(());
        };
        while self.owed > 0 {
            let rest = &shape.replies[self.offset..];
            match self.stream.write(&rest[..self.owed.min(rest.len())]) {
                Ok(count) => {
                    self.owed -= count;
                    self.offset = (self.offset + count) % shape.reply;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn upgrade(&mut self, bytes: &[u8], shapes: &mut HashMap<String, Rc<Shape>>) -> io::Result<()> {
        self.head.extend_from_slice(bytes);
        if !self.head.ends_with(b"\r\n\r\n") {
            let fits = self.head.len() < MAX_HEAD;
            return if fits {
                Ok(())
            } else {
                Err(ErrorKind::InvalidData.into())
            };
        }
        let head = String::from_utf8_lossy(&std::mem::take(&mut self.head)).into_owned();
        let path = head.split(' ').nth(1).unwrap_or_default();
        let (Some(shape), Some(key)) = (
            shapes
                .get(path)
                .cloned()
                .or_else(|| shape_of(path).map(Rc::new)),
            header_value(&head, "Sec-WebSocket-Key"),
        ) else {
            let help = "This loop answers a WebSocket handshake to a path like /text/20.\n";
            write!(
                self.stream,
                "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n{help}"
            )?;
            return Err(ErrorKind::InvalidInput.into());
        };
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n\r\n",
            accept_key(key)
        );
        self.stream.write_all(answer.as_bytes())?;
        shapes.insert(path.to_owned(), Rc::clone(&shape));
        self.shape = Some(shape);
        Ok(())
    }
}

fn shape_of(path: &str) -> Option<Shape> {
    let (opcode, size) = path.strip_prefix('/')?.split_once('/')?;
    let size = size.parse().ok().filter(|size| *size <= MAX_SIZE)?;
    Some(Shape::new(Opcode::from_name(opcode)?, size))
}
