//! Opening a WebSocket for a command, and judging how it ended.

use std::io;

use wigwag::client::{Client, ConnectError, Options, Url};
use wigwag::protocol::{CloseCode, Closure, EndedBy};

/// Why there was no conversation, or not a good end to it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("cannot open {url}: {source}")]
    Connect { url: String, source: Box<ConnectError> },
    #[error("{0}")]
    Ended(String),
    #[error("cannot read the input: {0}")]
    Input(String),
    #[error("cannot wait for the connection: {0}")]
    Io(#[from] io::Error),
}

pub(super) fn open(url: &Url, options: &Options) -> Result<Client, Error> {
    Client::connect(url, options)
        .map_err(|source| Error::Connect { url: url.to_string(), source: Box::new(source) })
}

/// An end is good if it was agreed on and nobody complained.
pub(super) fn judge(closure: Option<Closure>, reason: &str) -> Result<(), Error> {
    let Some(closure) = closure else { return Ok(()) };
    let text = match closure.by {
        EndedBy::Local if closure.clean => return Ok(()),
        EndedBy::Local => "the server did not answer our Close frame".to_owned(),
        EndedBy::Peer => match closure.code {
            None | Some(CloseCode::NORMAL | CloseCode::GOING_AWAY) => return Ok(()),
            Some(code) => format!("the server closed with {}", describe(code, reason)),
        },
        EndedBy::Violation(violation) => format!("the server broke a rule: {violation}"),
        EndedBy::Transport => "the connection ended without a Close frame".to_owned(),
        EndedBy::Silence => "the server has fallen silent".to_owned(),
    };
    Err(Error::Ended(text))
}

/// A close code with its name and the reason, which is fit for a terminal already.
pub(super) fn describe(code: CloseCode, reason: &str) -> String {
    let separator = if reason.is_empty() { "" } else { ": " };
    format!("{code} ({}){separator}{reason}", code.name())
}
