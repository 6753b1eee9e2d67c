// One call with one other user: an RTCPeerConnection and the signaling messages that belong to it.
//
// Both sides run the same code, the "perfect negotiation" of the WebRTC specification (10.7): when
// two offers cross (both users call each other at once, "glare"), the impolite side ignores the
// other's offer, and the polite side takes its own back and answers. Who is polite needs no
// message, only something on which both sides agree: here the order of the two names.
//
// Whatever changes the connection runs in one queue, one step after the other. That is the whole
// trick: inside a step nobody else touches the signaling state, so looking at it is enough.

import { stopMedia } from './media.js';

/** Messages of an unanswered call that wait for the user; more than any browser sends. */
const MAX_WAITING = 256;

/** The other side is gone when its channels are closed and no `leave` has explained it by then. */
const VANISHED_AFTER_MS = 2_000;

/** Negotiated out of band: both sides know this number, so pages that do not never notice it. */
const STATE_CHANNEL_ID = 100;

export class Call {
  #pc;
  #polite;
  #on;
  #send;
  #closed = false;
  #begin;
  #queue = new Promise((resolve) => { this.#begin = resolve; });
  #waiting = 0;
  #earlyCandidates = [];
  #ignoringOffer = false;
  #remoteSession = null;
  #wasConnected = false;
  #restarted = false;
  #chat = new Set();
  #state;
  #vanished = 0;
  #local = null;
  #remote = new MediaStream();

  /**
   * @param {object} options
   *   me, peer: the two names; iceServers: from the login reply, may be empty
   *   send(message): to the signaling server
   *   on: { local(stream, problem), remote(stream), agreed(), connection(state), broken(error),
   *         lost('no-path' | 'failed' | 'vanished'), chatReady(ready), chat(text),
   *         peerMedia({ microphone, camera }) }
   */
  constructor({ me, peer, iceServers, send, on }) {
    this.peer = peer;
    this.#polite = me < peer;
    this.#send = send;
    this.#on = on;
    this.#pc = new RTCPeerConnection({ iceServers });
    this.#pc.onicecandidate = ({ candidate }) => {
      // A null candidate says "that was all"; the dialect passes it on as it is.
      if (!this.#closed) send({ type: 'candidate', candidate, name: peer });
    };
    this.#pc.ontrack = ({ track }) => {
      this.#remote.addTrack(track);
      on.remote(this.#remote);
    };
    this.#pc.ondatachannel = ({ channel }) => this.#adopt(channel);
    this.#pc.onconnectionstatechange = () => this.#connectionChanged();
    this.#openStateChannel();
  }

  /** Lets the queue run: with an offer of our own (the caller), or with the offer that waits in it
   *  (the one who accepts). `media` is a promise, because the user may have to be asked. */
  async start({ media, offering }) {
    const { stream, problem } = await media;
    if (this.#closed) return stopMedia(stream);
    this.#local = stream;
    for (const track of stream?.getTracks() ?? []) this.#pc.addTrack(track, stream);
    this.#on.local(stream, problem);
    if (offering) {
      // Without a camera we still ask for the other's.
      for (const kind of ['audio', 'video']) {
        const ours = stream?.getTracks().some((track) => track.kind === kind);
        if (!ours) this.#pc.addTransceiver(kind, { direction: 'recvonly' });
      }
      this.#adopt(this.#pc.createDataChannel('chat'));
    }
    this.#begin(offering ? this.#offer().catch((error) => this.#broke(error)) : undefined);
  }

  /** An offer, answer or candidate from the other side. */
  receive(message) {
    if (this.#closed || this.#waiting >= MAX_WAITING) return;
    if (message.type === 'offer') this.#remoteSession ??= sessionOf(message.offer?.sdp);
    this.#enqueue(() => {
      switch (message.type) {
        case 'offer': return this.#offered(message.offer);
        case 'answer': return this.#answered(message.answer);
        default: return this.#candidate(message.candidate);
      }
    });
  }

  /** Whether this offer comes from another RTCPeerConnection than the one we talk to: the other
   *  page was loaded anew, and calls again. */
  isAnotherSession(offer) {
    return this.#remoteSession !== null && sessionOf(offer?.sdp) !== this.#remoteSession;
  }

  /** Sends chat text. False when no channel is open. */
  say(text) {
    const channel = [...this.#chat].find(({ readyState }) => readyState === 'open');
    channel?.send(text);
    return channel !== undefined;
  }

  /** Silences or resumes our own 'audio' or 'video'; false when there is none. */
  enable(kind, on) {
    const tracks = this.#local?.getTracks().filter((track) => track.kind === kind) ?? [];
    for (const track of tracks) track.enabled = on;
    this.#tellState();
    return tracks.length > 0;
  }

  /** What the connection does, in numbers, or null. */
  async facts() {
    if (this.#closed) return null;
    const report = await this.#pc.getStats();
    return this.#closed ? null : summarise([...report.values()]);
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#vanished);
    this.#pc.close();
    stopMedia(this.#local);
  }

  #enqueue(step) {
    this.#waiting += 1;
    this.#queue = this.#queue.then(() => {
      this.#waiting -= 1;
      return this.#closed ? undefined : step();
    }).catch((error) => this.#broke(error));
  }

  #broke(error) {
    if (!this.#closed) this.#on.broken(error);
  }

  async #offer() {
    if (this.#pc.signalingState !== 'stable') return;
    await this.#pc.setLocalDescription();
    this.#send({ type: 'offer', offer: this.#pc.localDescription, name: this.peer });
  }

  async #offered(offer) {
    const collision = this.#pc.signalingState !== 'stable';
    this.#ignoringOffer = collision && !this.#polite;
    if (this.#ignoringOffer) return;
    // In a collision this rolls our own offer back.
    await this.#pc.setRemoteDescription({ type: 'offer', sdp: String(offer?.sdp) });
    this.#remoteSession = sessionOf(offer?.sdp);
    for (const transceiver of this.#pc.getTransceivers()) {
      // What the other side has no place for (a rolled-back "recvonly") is not negotiated again.
      if (transceiver.mid === null) transceiver.stop();
    }
    await this.#addEarlyCandidates();
    await this.#pc.setLocalDescription();
    this.#send({ type: 'answer', answer: this.#pc.localDescription, name: this.peer });
    this.#on.agreed();
  }

  async #answered(answer) {
    // An answer to an offer that is no longer ours came too late.
    if (this.#pc.signalingState !== 'have-local-offer') return;
    await this.#pc.setRemoteDescription({ type: 'answer', sdp: String(answer?.sdp) });
    this.#remoteSession = sessionOf(answer?.sdp);
    this.#ignoringOffer = false;
    await this.#addEarlyCandidates();
    this.#on.agreed();
  }

  async #candidate(candidate) {
    // Candidates of an offer that we ignored have nothing to belong to.
    if (this.#ignoringOffer) return;
    // Before the description there is nothing to add them to, so they wait.
    if (!this.#pc.remoteDescription) this.#earlyCandidates.push(candidate);
    else await this.#addCandidate(candidate);
  }

  async #addEarlyCandidates() {
    for (const candidate of this.#earlyCandidates.splice(0)) await this.#addCandidate(candidate);
  }

  async #addCandidate(candidate) {
    try {
      await this.#pc.addIceCandidate(candidate ?? null);
    } catch {
      // A path that cannot be used, or one of an offer that was taken back. Others will do; when
      // none does, the connection state says so.
    }
  }

  #connectionChanged() {
    const state = this.#pc.connectionState;
    if (state === 'connected') {
      this.#wasConnected = true;
      this.#restarted = false;
    }
    this.#on.connection(state);
    if (state !== 'failed' || this.#closed) return;
    if (!this.#wasConnected || this.#restarted) {
      this.#on.lost(this.#wasConnected ? 'failed' : 'no-path');
      return;
    }
    // The network changed under the call: look for new paths, once.
    this.#restarted = true;
    this.#pc.restartIce();
    this.#enqueue(() => this.#offer());
  }

  // The caller opens the channel, the other side hears of it; after a glare there are two, and
  // either will do.
  #adopt(channel) {
    this.#chat.add(channel);
    const changed = () => {
      if (this.#closed) return;
      const open = [...this.#chat].some(({ readyState }) => readyState === 'open');
      this.#on.chatReady(open);
      clearTimeout(this.#vanished);
      if (!open) this.#vanished = setTimeout(() => this.#on.lost('vanished'), VANISHED_AFTER_MS);
    };
    channel.onopen = changed;
    channel.onclose = changed;
    channel.onmessage = ({ data }) => {
      if (!this.#closed && typeof data === 'string') this.#on.chat(data);
    };
    if (channel.readyState === 'open') changed();
  }

  // A muted camera sends black frames and a muted microphone silence; this channel tells the other
  // page which of them are meant.
  #openStateChannel() {
    this.#state = this.#pc.createDataChannel('state', { negotiated: true, id: STATE_CHANNEL_ID });
    this.#state.onopen = () => this.#tellState();
    this.#state.onmessage = ({ data }) => {
      let state;
      try {
        state = JSON.parse(data);
      } catch {
        return;
      }
      if (this.#closed) return;
      this.#on.peerMedia({
        microphone: state?.microphone !== false,
        camera: state?.camera !== false,
      });
    };
  }

  #tellState() {
    if (this.#state.readyState !== 'open') return;
    const enabled = (kind) => this.#local?.getTracks()
      .some((track) => track.kind === kind && track.enabled) ?? false;
    this.#state.send(JSON.stringify({ microphone: enabled('audio'), camera: enabled('video') }));
  }
}

/** The session id of an SDP's origin line (RFC 8866, 5.2): the same as long as the peer connection
 *  on the other side is the same. */
function sessionOf(sdp) {
  return /^o=\S+ (\S+)/m.exec(String(sdp))?.[1] ?? null;
}

/** The few numbers of a stats report that say how the call goes. */
function summarise(stats) {
  const byId = new Map(stats.map((entry) => [entry.id, entry]));
  const video = stats.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video');
  const transport = stats.find((entry) => entry.selectedCandidatePairId);
  const pair = byId.get(transport?.selectedCandidatePairId)
    ?? stats.find(({ type, nominated, state }) => (
      type === 'candidate-pair' && nominated && state === 'succeeded'));
  return {
    framesDecoded: video?.framesDecoded ?? 0,
    width: video?.frameWidth ?? 0,
    height: video?.frameHeight ?? 0,
    framesPerSecond: video?.framesPerSecond ?? 0,
    roundTripMs: pair?.currentRoundTripTime === undefined ? null : pair.currentRoundTripTime * 1000,
    localPath: byId.get(pair?.localCandidateId)?.candidateType ?? null,
    remotePath: byId.get(pair?.remoteCandidateId)?.candidateType ?? null,
  };
}
