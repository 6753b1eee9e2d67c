// Words: what a message, a line of SDP, an error code and a close code mean, for people.

/** One line about a message, to be read while it is folded. */
export function summary(direction, message) {
  const who = message.name === undefined ? '' : String(message.name);
  switch (message.type) {
    case 'login':
      if (direction === 'sent') return who;
      return message.success === true ? 'accepted' : `refused ${message.code ?? ''}`.trim();
    case 'offer':
    case 'answer':
      return join(peer(direction, who), sections(message[message.type]?.sdp));
    case 'candidate':
      return join(candidate(message.candidate), peer(direction, who));
    case 'error':
      return String(message.code ?? message.message ?? '');
    default:
      return peer(direction, who);
  }
}

/** A sentence about what a message is for. */
export function meaning(direction, message) {
  const sent = direction === 'sent';
  switch (message.type) {
    case 'login':
      if (sent) return 'Asks the server for this name.';
      return message.success === true
        ? 'The name is ours as long as this connection lives.'
        : 'The server does not give us this name.';
    case 'offer':
      return 'The caller describes the session in SDP: what it can send and receive, with which '
        + 'codecs, and the fingerprint of the key that will encrypt it. '
        + (sent ? '“name” is whom it is for.' : '“name” is who sent it.');
    case 'answer':
      return 'What of the offer the other side takes. With both descriptions in place the browsers '
        + 'start to look for a path to each other.';
    case 'candidate':
      return message.candidate
        ? 'One address at which this side may be reached (ICE). The browsers try all pairs and '
          + 'keep the best that works.'
        : 'End of candidates: this side has named every address it has.';
    case 'leave':
      return sent ? 'Ends the call; the server tells the other side.'
        : 'The other side hung up, declined, or lost its connection.';
    case 'error':
      return 'A request of ours could not be done. “request” says which, “code” why.';
    default:
      return '';
  }
}

// RFC 8839, 5.1:
//   candidate:<foundation> <component> <transport> <priority> <address> <port> typ <type> ...
function candidate(value) {
  if (!value?.candidate) return 'end of candidates';
  const [, , transport, , address, port, , kind] = String(value.candidate).split(' ');
  if (kind === undefined) return '';
  const where = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  return `${kind} ${transport.toLowerCase()} ${where}`;
}

function sections(sdp) {
  const kinds = [...String(sdp).matchAll(/^m=(\S+)/gm)].map(([, kind]) => (
    kind === 'application' ? 'data' : kind));
  return kinds.join(' + ');
}

function peer(direction, who) {
  if (who === '') return '';
  return direction === 'sent' ? `to ${who}` : `from ${who}`;
}

function join(...parts) {
  return parts.filter((part) => part !== '').join(' · ');
}

/** How lines of SDP begin, and what they say. The first match counts. */
const SDP = [
  ['v=', 'version of the format'],
  ['o=', 'who made this, with a session id and a version'],
  ['s=', 'session name, unused'],
  ['t=', 'start and end, unused'],
  ['m=audio', 'a section for sound: port, transport, codecs in order of preference'],
  ['m=video', 'a section for pictures: port, transport, codecs in order of preference'],
  ['m=application', 'a section for data channels: SCTP inside DTLS'],
  ['c=', 'address; a placeholder, the candidates carry the real ones'],
  ['a=group:BUNDLE', 'these sections share one transport'],
  ['a=extmap-allow-mixed', 'one- and two-byte RTP header extensions may be mixed'],
  ['a=msid-semantic', 'how tracks are grouped into streams'],
  ['a=msid', 'stream and track to which this section belongs'],
  ['a=ice-ufrag', 'user name for the checks of the paths'],
  ['a=ice-pwd', 'password for the checks of the paths'],
  ['a=ice-options', 'trickle: candidates follow in messages of their own'],
  ['a=fingerprint', 'hash of the certificate that the DTLS handshake must show'],
  ['a=setup:actpass', 'offers to be client or server in the DTLS handshake'],
  ['a=setup:active', 'will be the client in the DTLS handshake'],
  ['a=setup:passive', 'will be the server in the DTLS handshake'],
  ['a=mid', 'name of this section'],
  ['a=extmap', 'an RTP header extension and its number'],
  ['a=sendrecv', 'sends and receives'],
  ['a=sendonly', 'sends, receives nothing'],
  ['a=recvonly', 'receives, sends nothing'],
  ['a=inactive', 'neither sends nor receives'],
  ['a=rtcp-mux', 'reports travel on the same port as the media'],
  ['a=rtcp-rsize', 'reports may be shortened'],
  ['a=rtcp-fb', 'feedback that a codec understands'],
  ['a=rtcp:', 'port of the reports, a placeholder'],
  ['a=rtpmap', 'payload number, codec, clock rate'],
  ['a=fmtp', 'parameters of a codec'],
  ['a=ssrc-group', 'sources that belong together'],
  ['a=ssrc', 'an RTP source'],
  ['a=candidate', 'an address at which this side may be reached'],
  ['a=end-of-candidates', 'no further candidates'],
  ['a=sctp-port', 'port inside SCTP'],
  ['a=max-message-size', 'largest data-channel message, in bytes'],
];

/** The lines of an SDP text, each with a note where there is something new to say. */
export function sdpLines(sdp) {
  let before = '';
  return String(sdp).split(/\r\n|\n/).filter((line) => line !== '').map((line) => {
    const note = SDP.find(([start]) => line.startsWith(start))?.[1] ?? '';
    const repeated = note === before;
    before = note;
    return { line, note: repeated ? '' : note, heading: line.startsWith('m=') };
  });
}

/** An error of the server, in a sentence. `name` is the user whom the request was about. */
export function errorWords({ code, message, name }) {
  const who = name === undefined ? 'That user' : `“${name}”`;
  switch (code) {
    case 'user-not-found':
      return `${who} is not here. Check the spelling, or send them your link.`;
    case 'name-taken':
      return name === undefined ? 'This name is in use. Choose another one.'
        : `The name ${who} is in use. Choose another one.`;
    case 'invalid-name':
      return 'This name cannot be used: 1 to 64 bytes, without control or invisible characters.';
    case 'not-logged-in':
      return 'The server does not know your name yet. Join first.';
    case 'rate-limited':
      return 'That was too much at once; the server asks for patience. Try again in a moment.';
    case 'room-full':
      return 'The room is full.';
    case 'not-in-room':
      return 'You are not in that room.';
    case 'invalid-json':
    case 'invalid-message':
    case 'unrecognized-command':
      return `The server did not understand this page (${code}).`;
    default:
      return String(message ?? '') || `The server refused (${code ?? 'no reason given'}).`;
  }
}

/** Close codes of RFC 6455, 7.4.1, and of the registry it founded. */
const CLOSE_CODES = {
  1000: 'a normal end',
  1001: 'the server is shutting down',
  1002: 'a protocol error',
  1003: 'a kind of data that the server does not take',
  1005: 'no reason was given',
  1006: 'the connection broke without a goodbye: the server stopped, or the network did',
  1007: 'text that was not UTF-8',
  1008: 'a rule of the server was broken',
  1009: 'a message was too big',
  1011: 'an error inside the server',
  1012: 'the server restarts',
  1013: 'the server is overloaded; try again later',
};

export function closeWords({ code, reason }) {
  const words = CLOSE_CODES[code] ?? (code >= 3000 ? 'closed by the application' : 'unknown');
  const given = reason ? ` It said: “${reason}”.` : '';
  return `The signaling connection closed with ${code}, ${words}.${given}`;
}
