// The way to the server's recorder: see src/inspect/feed.rs for the messages.

/** Keeps a WebSocket to the feed, and asks again when it breaks. */
export class Feed extends EventTarget {
  constructor() {
    super();
    this.wait = 250;
    this.selected = null;
    this.connect();
  }

  connect() {
    const url = new URL("inspect/feed", new URL("/", location.href));
    url.protocol = url.protocol.replace("http", "ws");
    this.tell("state", "connecting");
    this.socket = new WebSocket(url);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = (event) => this.received(event.data);
    this.socket.onopen = () => {
      this.wait = 250;
      this.tell("state", "live");
    };
    this.socket.onclose = (event) => {
      this.tell("state", event.reason ? `ended: ${event.reason}` : "waiting");
      setTimeout(() => this.connect(), this.wait);
      this.wait = Math.min(this.wait * 2, 5000);
    };
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  send(request) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(request));
  }

  received(data) {
    if (typeof data !== "string") {
      this.tell("content", data);
      return;
    }
    const message = JSON.parse(data);
    this.tell(message.type, message);
    // Only now the next one: so the server never sends more than this page can take.
    if (message.type === "batch") this.send({ type: "ack", batch: message.batch });
  }

  select(connection) {
    this.selected = connection;
    this.send({ type: "select", connection });
  }

  hide(payloads) {
    this.send({ type: "hide", payloads });
  }

  export(connection, format) {
    this.send({ type: "export", connection, format });
  }
}
