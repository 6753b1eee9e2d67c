//! What the loop needs of a byte stream.

use std::io::{self, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;

/// A byte stream that never blocks: a TCP socket, or in a simulation something made up.
///
/// Errors of kind `WouldBlock` and `Interrupted` have their usual meaning; any other ends the
/// connection.
pub trait Transport {
    /// Reads what has arrived; 0 at the end of the stream.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes as much as is taken.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Ends our direction of the stream. The other stays open.
    fn shutdown_write(&mut self) -> io::Result<()>;
}

impl Transport for TcpStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Read::read(self, buffer)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(self, bytes)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}
