// wigwag's page: wires the signaling connection, the call and the surface together.
//
//   signaling.js  the WebSocket and its JSON          call.js     one RTCPeerConnection
//   media.js      camera and microphone               names.js    names, and the page's address
//   ui.js         what is on the screen               log.js      the panel of messages
//   explain.js    what all of it means, in words

import { Call } from './call.js';
import { closeWords, errorWords } from './explain.js';
import { SignalingLog } from './log.js';
import { openMedia } from './media.js';
import { address, clean, friendlyName, linkToCall, onThisComputer } from './names.js';
import { Signaling, signalingUrl } from './signaling.js';
import * as ui from './ui.js';

const NO_ANSWER_AFTER_MS = 60_000;
const FACTS_EVERY_MS = 1_000;

const { element } = ui;

const log = new SignalingLog();

/** offline, connecting, lobby, calling, ringing or in-call. */
let state = 'offline';
let signaling = null;
let me = null;
/** What the server gave us to take our name back after a broken connection, if it does that. */
let session;
let iceServers = [];
let call = null;
let noAnswer = 0;

// --- States ---

function enter(next) {
  state = next;
  ui.showState(next);
  const online = signaling?.isOpen ?? false;
  element('reconnect-call').hidden = next !== 'in-call';
  document.body.dataset.signaling = online ? 'open' : 'closed';
  if (next !== 'calling' && next !== 'in-call') document.body.dataset.connection = 'none';
  const peer = call?.peer ?? '';
  const words = {
    offline: 'Offline',
    connecting: 'Connecting…',
    lobby: `Here as ${me}`,
    calling: `Calling ${peer}…`,
    ringing: `${peer} is calling`,
    'in-call': `In a call with ${peer}`,
  };
  ui.showStatus(words[next]);
  const title = me === null ? 'wigwag' : `${me} · wigwag`;
  document.title = next === 'ringing' ? `☎ ${peer} is calling` : title;
  element('join-button').disabled = next === 'connecting';
  element('join-button').textContent = next === 'connecting' ? 'Connecting…' : 'Join';
}

// --- Joining and leaving the server ---

async function join(name) {
  const wanted = clean(name);
  if (wanted === '') {
    element('name-error').textContent = 'Type a name first.';
    return;
  }
  element('name-error').textContent = '';
  element('reconnect').hidden = true;
  if (call === null) ui.clearNotices();
  signaling?.close();
  const connection = new Signaling(signalingUrl(), {
    onFrame: (direction, text) => log.add(direction, text),
    onMessage: (message) => receive(message),
    onClose: (event) => disconnected(event),
  });
  signaling = connection;
  if (call === null) enter('connecting');
  try {
    const reply = await connection.login(wanted, wanted === me ? session : undefined);
    me = clean(String(reply.name ?? wanted));
    session = reply.session;
    iceServers = Array.isArray(reply.iceServers) ? reply.iceServers : [];
    showMyself();
    if (call === null) enterLobby();
    else enter(state);
  } catch (error) {
    connection.close();
    if (signaling === connection) refused(wanted, error);
  }
}

function refused(name, error) {
  signaling = null;
  const text = error.code === 'connection'
    ? connectionWords(error)
    : errorWords({ code: error.code, message: error.message, name });
  if (call !== null) {
    showReconnect(text);
    enter(state);
    return;
  }
  enter('offline');
  element('name').value = name;
  element('name-error').textContent = text;
  ui.focusOn(element('name'), element('join-title'));
}

function connectionWords({ close, message }) {
  if (!close) return message;
  if (close.code !== 1006) return closeWords(close);
  // Browsers keep it from pages why a handshake failed.
  return 'No signaling connection: is the server running, and does it accept this page’s origin?';
}

function disconnected(event) {
  const text = closeWords(event);
  signaling = null;
  // A call that stands needs no server. One that is being set up does.
  if (state === 'calling' || state === 'ringing') dropCall();
  showReconnect(text);
  enter(call ? state : 'offline');
  if (!call) ui.focusOn(element('reconnect-button'), element('reconnect-button'));
}

function showReconnect(text) {
  element('reconnect-text').textContent = text;
  element('reconnect-button').textContent = `Reconnect as ${me ?? element('name').value}`;
  element('reconnect').hidden = false;
}

function signOut() {
  signaling?.close();
  signaling = null;
  session = undefined;
  element('name').value = me ?? '';
  me = null;
  ui.clearNotices();
  enter('offline');
  ui.focusOn(element('name'), element('join-title'));
}

function showMyself() {
  element('my-name').textContent = me;
  ui.avatar('my-avatar', me);
  const link = linkToCall(me);
  element('my-link').href = link;
  element('my-link').textContent = link;
  element('link-hint').textContent = onThisComputer
    ? 'It works on this computer: open it in a second tab.' : '';
}

function enterLobby() {
  enter('lobby');
  const peer = element('peer');
  element('peer-error').textContent = '';
  if (peer.value === '' && address.call !== me) peer.value = address.call;
  element('call-button').textContent = peer.value === '' ? 'Call' : `Call ${peer.value}`;
  const field = peer.value === '' ? peer : element('call-button');
  ui.focusOn(field, element('lobby-title'));
}

// --- Calls ---

function newCall(peer) {
  const current = new Call({
    me,
    peer,
    iceServers,
    send: (message) => {
      if (message.type === 'candidate') signaling?.send(message);
      else signaling?.request(message);
    },
    on: {
      local: (stream, problem) => {
        ui.showLocal(stream);
        if (problem) ui.notice('warning', problem);
      },
      remote: (stream) => ui.showRemote(stream),
      agreed: () => {
        clearTimeout(noAnswer);
        if (state !== 'in-call') enterCall();
      },
      connection: showConnection,
      lost: (why) => endCall(lostWords(why, peer), { tell: true }),
      broken: (error) => endCall(
        `The call with ${peer} could not be set up (${error.name}).`, { tell: true }),
      chatReady: ui.chatReady,
      chat: (text) => ui.chatLine('peer', peer, text),
      peerMedia: (media) => ui.showPeerMedia(media, peer),
    },
  });
  return current;
}

function placeCall(camera) {
  const peer = clean(element('peer').value);
  const complaint = peer === '' ? 'Type whom to call.'
    : peer === me && 'That is your own name. Open your link in a second tab to call yourself.';
  element('peer-error').textContent = complaint || '';
  if (complaint || state !== 'lobby') return;
  ui.clearNotices();
  call = newCall(peer);
  ui.resetStage(peer);
  element('placeholder-text').textContent = `Calling ${peer}…`;
  element('hangup-label').textContent = 'Cancel';
  enter('calling');
  ui.focusOn(null, element('stage-title'));
  noAnswer = setTimeout(
    () => endCall(`${peer} does not answer.`, { tell: true }), NO_ANSWER_AFTER_MS);
  call.start({ media: media(camera), offering: true });
}

function ring(message) {
  const peer = clean(String(message.name));
  ui.clearNotices();
  call = newCall(peer);
  call.receive(message);
  element('caller-name').textContent = peer;
  ui.avatar('caller-avatar', peer);
  enter('ringing');
  // Not on a button: whoever is typing must not accept by accident.
  ui.focusOn(null, element('ringing-title'));
  if (address.autoAccept) acceptCall(true);
}

function acceptCall(camera) {
  if (state !== 'ringing') return;
  ui.resetStage(call.peer);
  enterCall();
  call.start({ media: media(camera), offering: false });
}

function enterCall() {
  element('placeholder-text').textContent = `Connecting to ${call.peer}…`;
  element('hangup-label').textContent = 'Hang up';
  enter('in-call');
  showConnection('connecting');
  ui.focusOn(null, element('stage-title'));
}

function media(camera) {
  return camera ? openMedia() : Promise.resolve({ stream: null, problem: null });
}

/** Ends the call, if there is one, and says why. `tell` sends `leave` to the other side. */
function endCall(words, { tell, kind = 'info' } = {}) {
  if (!call) return;
  if (tell) signaling?.request({ type: 'leave', name: call.peer });
  element('peer').value = call.peer;
  dropCall();
  if (words) ui.notice(kind, words);
  if (signaling) {
    enterLobby();
  } else {
    enter('offline');
    ui.focusOn(element('reconnect-button'), element('reconnect-button'));
  }
}

function dropCall() {
  clearTimeout(noAnswer);
  call?.close();
  call = null;
  ui.resetStage('');
}

function lostWords(why, peer) {
  switch (why) {
    case 'no-path':
      return `The browsers found no path to each other. Between networks a call with ${peer} needs `
        + 'a STUN or TURN server.';
    case 'vanished':
      return `${peer} is gone.`;
    default:
      return `The connection to ${peer} was lost.`;
  }
}

// --- Messages from the server ---

function receive(message) {
  const from = message.name === undefined ? undefined : clean(String(message.name));
  switch (message.type) {
    case 'offer':
      if (from !== undefined) offered(message, from);
      break;
    case 'answer':
    case 'candidate':
      if (isPeer(from)) call.receive(message);
      break;
    case 'leave':
      if (isPeer(from)) left();
      break;
    case 'error':
      failed(message, from);
      break;
    default:
      // Rooms, presence and what is yet to come: not used by this page, but shown in the log.
  }
}

/** Servers of the tutorials do not name the source; then it can only be the one we talk to. */
function isPeer(name) {
  return call !== null && (name === undefined || name === call.peer);
}

function offered(message, from) {
  if (call !== null && from !== call.peer) {
    signaling.request({ type: 'leave', name: from });
    ui.notice('info', `${from} tried to call you and was told that you are busy.`);
    return;
  }
  const again = state === 'ringing' || (call?.isAnotherSession(message.offer) ?? false);
  if (call !== null && again) dropCall();
  if (call === null) ring(message);
  else call.receive(message);
}

function left() {
  const words = {
    calling: `${call.peer} declined, or is in another call.`,
    ringing: `${call.peer} stopped calling.`,
    'in-call': `${call.peer} left the call.`,
  };
  endCall(words[state]);
}

function failed(message, from) {
  const text = errorWords({ ...message, name: from });
  const settingUp = state === 'calling' || (state === 'in-call' && message.request === 'answer');
  if (isPeer(from) && message.request !== 'candidate' && settingUp) {
    endCall(text, { kind: 'error' });
  } else if (message.code !== 'user-not-found') {
    ui.notice('error', text);
  }
  // Otherwise it is news of somebody who has left already; the log has it.
}

// --- What the connection does ---

function showConnection(connection) {
  if (state !== 'in-call') return;
  document.body.dataset.connection = connection;
  const words = {
    new: 'Looking for a path…',
    connecting: 'Looking for a path…',
    connected: 'Connected',
    disconnected: 'Interrupted; waiting for the path to come back…',
    failed: 'Interrupted; looking for another path…',
  };
  element('call-facts').textContent = words[connection] ?? '';
  if (connection === 'connected') {
    const screen = element('screen');
    if (screen.dataset.remote === 'none') {
      element('placeholder-text').textContent = `You and ${call.peer} are connected`;
    }
    showFacts();
  }
}

async function showFacts() {
  const current = call;
  const facts = await current?.facts().catch(() => null);
  if (!facts || call !== current || document.body.dataset.connection !== 'connected') return;
  const { localPath, remotePath, roundTripMs, width, height, framesPerSecond } = facts;
  const relayed = localPath === 'relay' || remotePath === 'relay';
  const parts = [relayed ? 'Connected through a TURN server' : 'Connected directly'];
  if (roundTripMs !== null) parts.push(`${Math.max(1, Math.round(roundTripMs))} ms`);
  if (width > 0) parts.push(`${width} × ${height}`);
  if (framesPerSecond > 0) parts.push(`${Math.round(framesPerSecond)} fps`);
  element('call-facts').textContent = parts.join(' · ');
  element('call-facts').dataset.framesDecoded = String(facts.framesDecoded);
}

setInterval(showFacts, FACTS_EVERY_MS);

// --- Wiring ---

function toggle(kind, track) {
  const on = element(`${kind}-button`).dataset.on !== 'true';
  if (call?.enable(track, on)) ui.showToggle(kind, true, on);
}

function on(id, type, handler) {
  element(id).addEventListener(type, handler);
}

on('join-form', 'submit', (event) => {
  event.preventDefault();
  join(element('name').value);
});
on('another-name', 'click', () => { element('name').value = friendlyName(); });
on('signout-button', 'click', signOut);
on('reconnect-button', 'click', () => join(me ?? element('name').value));
on('copy-link', 'click', (event) => ui.copyText(element('my-link').href, event.currentTarget));
on('call-form', 'submit', (event) => {
  event.preventDefault();
  placeCall(true);
});
on('call-data-button', 'click', () => placeCall(false));
on('peer', 'input', () => {
  const peer = clean(element('peer').value);
  element('call-button').textContent = peer === '' ? 'Call' : `Call ${peer}`;
  element('peer-error').textContent = '';
});
on('accept-button', 'click', () => acceptCall(true));
on('accept-data-button', 'click', () => acceptCall(false));
on('decline-button', 'click', () => endCall(null, { tell: true }));
on('hangup-button', 'click', () => endCall(null, { tell: true }));
on('mic-button', 'click', () => toggle('mic', 'audio'));
on('camera-button', 'click', () => toggle('camera', 'video'));
on('play-button', 'click', () => {
  element('play-button').hidden = true;
  element('remote-video').play();
});
on('remote-video', 'resize', () => {
  const screen = element('screen');
  const { videoWidth } = element('remote-video');
  if (screen.dataset.remote !== 'off') screen.dataset.remote = videoWidth > 0 ? 'video' : 'none';
});
on('chat-form', 'submit', (event) => {
  event.preventDefault();
  const input = element('chat-input');
  const text = input.value.trim();
  if (text !== '' && call?.say(text)) {
    ui.chatLine('me', 'you', text);
    input.value = '';
  }
});

element('name').value = address.name || friendlyName();
if (address.call) {
  element('join-lead').textContent = `Then you can call ${address.call}, whose link you opened.`;
}
enter('offline');
if (address.name) join(address.name);
