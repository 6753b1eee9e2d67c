//! What carries the bytes: TCP, or TLS over TCP. A WebSocket is the same over both.

use std::io::{self, Read, Write};

#[cfg(feature = "tls")]
use rustls::{ClientConnection, StreamOwned};

/// A byte stream over a socket, `std`'s while the WebSocket is being opened and mio's from then on.
pub(super) enum Transport<S: Read + Write> {
    Tcp(S),
    #[cfg(feature = "tls")]
    Tls(Box<StreamOwned<ClientConnection, S>>),
}

impl<S: Read + Write> Transport<S> {
    pub(super) fn socket(&mut self) -> &mut S {
        match self {
            Self::Tcp(socket) => socket,
            #[cfg(feature = "tls")]
            Self::Tls(stream) => &mut stream.sock,
        }
    }

    /// The same stream over the same socket as another type.
    pub(super) fn map<T: Read + Write>(self, change: impl FnOnce(S) -> T) -> Transport<T> {
        match self {
            Self::Tcp(socket) => Transport::Tcp(change(socket)),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => {
                let StreamOwned { conn, sock } = *stream;
                Transport::Tls(Box::new(StreamOwned::new(conn, change(sock))))
            }
        }
    }

    /// Nothing more will be written. TLS says so itself (RFC 8446, 6.1), so that nobody can cut the
    /// stream short and pass it for whole; the socket is the caller's to shut down.
    pub(super) fn finish(&mut self) {
        #[cfg(feature = "tls")]
        if let Self::Tls(stream) = self {
            stream.conn.send_close_notify();
            // It is one small record, and whoever does not take it has gone already.
            let _ = stream.conn.complete_io(&mut stream.sock);
        }
    }
}

impl<S: Read + Write> Read for Transport<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.read(buffer),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl<S: Read + Write> Write for Transport<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.write(bytes),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    /// TLS holds back what the socket has not taken yet.
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.flush(),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.flush(),
        }
    }
}
