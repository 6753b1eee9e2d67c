//! A connection from its handshake to its end, by blocking calls: the parts that are not measured.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpStream};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use peers::{accept_key, header_value};
use socket2::{Domain, Socket, Type};

use crate::message::{Messages, Random, check};

/// The longest that one blocking call may take.
const PATIENCE: Duration = Duration::from_secs(10);
const MAX_HEAD: usize = 8 * 1024;

pub struct Client {
    pub id: usize,
    pub stream: TcpStream,
    pub random: Random,
    /// The number of the next message to send.
    pub sequence: u64,
}

pub struct Target {
    pub address: SocketAddrV4,
    pub path: String,
    /// How many connections may share one source address before the next one is taken: an address
    /// has about 28,000 ports to give.
    pub per_source: usize,
}

impl Client {
    pub fn open(target: &Target, id: usize) -> Result<Self, String> {
        let stream = connect(target, id).map_err(|error| format!("connect: {error}"))?;
        let mut client = Self {
            id,
            stream,
            random: Random(id as u64 + 1),
            sequence: 0,
        };
        client
            .handshake(target)
            .map_err(|error| format!("handshake of {id}: {error}"))?;
        Ok(client)
    }

    fn handshake(&mut self, target: &Target) -> Result<(), String> {
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&self.random.next().to_be_bytes());
        nonce[8..].copy_from_slice(&self.random.next().to_be_bytes());
        let key = STANDARD.encode(nonce);
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n",
            target.path, target.address
        );
        self.stream
            .write_all(request.as_bytes())
            .map_err(|error| error.to_string())?;
        let mut head = Vec::new();
        let mut buffer = [0; 1024];
        // A server says nothing before it is asked: the head ends what there is to read.
        while !head.ends_with(b"\r\n\r\n") {
            let count = self
                .stream
                .read(&mut buffer)
                .map_err(|error| error.to_string())?;
            head.extend_from_slice(&buffer[..count]);
            if count == 0 || head.len() > MAX_HEAD {
                return Err(format!("no complete head, but {}", head.escape_ascii()));
            }
        }
        let head = String::from_utf8_lossy(&head);
        if !head.starts_with("HTTP/1.1 101 ")
            || header_value(&head, "Sec-WebSocket-Accept") != Some(&accept_key(&key))
        {
            return Err(format!("refused: {}", head.escape_default()));
        }
        Ok(())
    }

    /// Sends one message and waits for its echo.
    pub fn exchange(&mut self, messages: &Messages) -> Result<(), String> {
        let about = |error: String| format!("connection {}: {error}", self.id);
        let (mut request, mut expected) = (Vec::new(), Vec::new());
        let mask = self.random.next() as u32;
        messages.push_request(self.id, self.sequence, mask, &mut request);
        messages.reply(self.id, self.sequence, &mut expected);
        self.stream
            .write_all(&request)
            .map_err(|error| about(error.to_string()))?;
        let mut came = Vec::new();
        let mut buffer = vec![0; expected.len()];
        loop {
            match self
                .stream
                .read(&mut buffer)
                .map_err(|error| about(error.to_string()))?
            {
                0 => return Err(about("closed by the server".to_owned())),
                count => came.extend_from_slice(&buffer[..count]),
            }
            if check(&came, &expected).map_err(about)? {
                self.sequence += 1;
                return Ok(());
            }
        }
    }

    /// The close handshake, then the server's end of the connection.
    pub fn close(mut self) -> Result<(), String> {
        let about = |error: std::io::Error| format!("close of {}: {error}", self.id);
        let mask = (self.random.next() as u32).to_ne_bytes();
        let code = 1000u16.to_be_bytes();
        let mut frame = vec![0x88, 0x82];
        frame.extend_from_slice(&mask);
        frame.extend(code.iter().zip(mask).map(|(byte, key)| byte ^ key));
        self.stream.write_all(&frame).map_err(about)?;
        self.stream.shutdown(Shutdown::Write).map_err(about)?;
        let mut buffer = [0; 1024];
        while self.stream.read(&mut buffer).map_err(about)? > 0 {}
        Ok(())
    }
}

fn connect(target: &Target, id: usize) -> std::io::Result<TcpStream> {
    let stream = match id / target.per_source {
        0 => TcpStream::connect_timeout(&target.address.into(), PATIENCE)?,
        other => {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            let source = Ipv4Addr::new(127, 0, 0, u8::try_from(other + 1).unwrap_or(u8::MAX));
            socket.bind(&SocketAddr::from((source, 0)).into())?;
            socket.connect_timeout(&SocketAddr::from(target.address).into(), PATIENCE)?;
            socket.into()
        }
    };
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}
