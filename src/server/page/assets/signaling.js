// The signaling connection: a WebSocket that carries one JSON object in each text message.
//
// This room knows the socket and the shape of a request. It does not know what a call is: whatever
// the server or another user says is handed to `onMessage`, in the order in which it came.

/** How long we wait for the handshake and for the reply to a login. */
const REPLY_TIMEOUT_MS = 10_000;

/** Requests whose errors we want to recognise; the oldest is forgotten first. */
const MAX_REMEMBERED_REQUESTS = 100;

/** A refused login or a connection that never opened. `code` is one of the server's error codes,
 *  or `connection` when there was no server to ask. */
export class SignalingError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** `signal` beside this page, with ws: for http: and wss: for https:. */
export function signalingUrl(page = document.baseURI) {
  const url = new URL('signal', page);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.search = '';
  url.hash = '';
  return url.href;
}

export class Signaling {
  #socket;
  #login = null;
  #closing = false;
  #nextId = 1;
  #requests = new Map();
  #on;

  /**
   * @param {string} url
   * @param {object} on
   *   onFrame(direction, text): every text message as it passes, and what happens to the socket
   *   onMessage(message): a JSON object from the server
   *   onClose({code, reason}): the connection ended, and not because we wanted it to
   */
  constructor(url, on) {
    this.#on = on;
    this.#socket = new WebSocket(url);
    this.#socket.onopen = () => on.onFrame('socket', `open ${url}`);
    this.#socket.onmessage = (event) => this.#receive(event.data);
    this.#socket.onclose = (event) => this.#closed(event);
    // An error event says nothing (by design, so that pages cannot scan networks); the close
    // event that follows it carries the code.
  }

  get isOpen() {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** Waits for the socket, asks for the name, and gives the server's reply. */
  login(name, session) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#settleLogin(new SignalingError('connection', 'The server does not answer.'));
      }, REPLY_TIMEOUT_MS);
      this.#login = { resolve, reject, timer, id: null };
      const ask = () => {
        const request = { type: 'login', name };
        if (session) request.session = session;
        if (this.#login) this.#login.id = this.request(request);
      };
      if (this.isOpen) ask();
      else this.#socket.addEventListener('open', ask, { once: true });
    });
  }

  /** Sends a message with an `id`, which comes back in the reply or in the error. */
  request(message) {
    const id = this.#nextId;
    this.#nextId += 1;
    this.#requests.set(id, { request: message.type, name: message.name });
    if (this.#requests.size > MAX_REMEMBERED_REQUESTS) {
      this.#requests.delete(this.#requests.keys().next().value);
    }
    this.send({ ...message, id });
    return id;
  }

  /** Sends a message to which no reply is due. False when there is no connection. */
  send(message) {
    if (!this.isOpen) return false;
    const text = JSON.stringify(message);
    this.#socket.send(text);
    this.#on.onFrame('sent', text);
    return true;
  }

  /** Closes without telling `onClose`: we know. */
  close() {
    this.#closing = true;
    this.#settleLogin(new SignalingError('connection', 'The connection was closed.'));
    this.#socket.close(1000);
  }

  #receive(data) {
    // A server that sends binary messages speaks another dialect.
    if (typeof data !== 'string') return;
    this.#on.onFrame('received', data);
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    // `null`, numbers and arrays are JSON too, but not messages.
    if (message === null || typeof message !== 'object' || this.#closing) return;
    if (this.#login && this.#answersLogin(message)) return;
    if (message.type === 'error') message = { ...this.#requests.get(message.id), ...message };
    this.#on.onMessage(message);
  }

  #answersLogin(message) {
    if (message.type === 'login') {
      if (message.success === true) this.#settleLogin(null, message);
      else this.#settleLogin(new SignalingError(message.code ?? 'name-taken', message.message));
      return true;
    }
    const ours = message.id !== undefined && message.id === this.#login.id;
    if (message.type === 'error' && (ours || message.request === 'login')) {
      this.#settleLogin(new SignalingError(message.code, message.message));
      return true;
    }
    return false;
  }

  #settleLogin(error, reply) {
    const login = this.#login;
    if (!login) return;
    this.#login = null;
    clearTimeout(login.timer);
    if (error) login.reject(error);
    else login.resolve(reply);
  }

  #closed({ code, reason }) {
    this.#on.onFrame('socket', `closed ${code}${reason ? ` ${reason}` : ''}`);
    if (this.#closing) return;
    this.#closing = true;
    if (this.#login) this.#settleLogin(Object.assign(
      new SignalingError('connection', ''), { close: { code, reason } }));
    else this.#on.onClose({ code, reason });
  }
}
