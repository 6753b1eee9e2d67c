// The page's surface: which section is shown, notices, the chat, the call's picture.
//
// Text that came from other people enters the page through `textContent` alone. Nothing here (and
// nothing elsewhere) builds HTML from strings.

/** Notices on the screen at once; the oldest gives way. */
const MAX_NOTICES = 3;

/** Chat lines that are kept, and the longest that is shown. */
const MAX_CHAT = 500;
const MAX_CHAT_TEXT = 16 * 1024;

export function element(id) {
  return document.getElementById(id);
}

export function make(tag, properties = {}) {
  return Object.assign(document.createElement(tag), properties);
}

/** Shows the sections of one state. */
export function showState(state) {
  document.body.dataset.state = state;
  for (const section of document.querySelectorAll('[data-show]')) {
    section.hidden = !section.dataset.show.split(' ').includes(state);
  }
}

export function showStatus(text) {
  element('status').textContent = text;
}

/** Moves the keyboard's focus to where the user will go on. Where a field's focus would bring up a
 *  keyboard that covers the screen, the section's heading takes it. */
export function focusOn(field, heading) {
  const fine = matchMedia('(pointer: fine)').matches;
  (field && fine ? field : heading)?.focus({ preventScroll: true });
  if (!fine) scrollTo({ top: 0 });
}

/** `kind` is 'info', 'warning' or 'error'. */
export function notice(kind, text) {
  const box = make('div', { className: 'notice' });
  box.dataset.kind = kind;
  const close = make('button', {
    type: 'button', className: 'button quiet icon', textContent: '×', ariaLabel: 'Dismiss',
  });
  close.addEventListener('click', () => box.remove());
  box.append(make('p', { textContent: text }), close);
  const list = element('notices');
  list.append(box);
  while (list.childElementCount > MAX_NOTICES) list.firstElementChild.remove();
}

export function clearNotices() {
  element('notices').replaceChildren();
}

/** A round sign for a user: the first character of the name, in a colour that the name picks. */
export function avatar(id, name) {
  const sign = element(id);
  sign.textContent = [...name][0]?.toUpperCase() ?? '?';
  let sum = 0;
  for (const character of name) sum = (sum * 31 + character.codePointAt(0)) % 6;
  sign.dataset.colour = String(sum);
}

/** Copies text and says so on the button. */
export async function copyText(text, button) {
  const copied = await toClipboard(text);
  button.dataset.label ??= button.textContent;
  button.textContent = copied ? 'Copied' : 'Not copied';
  setTimeout(() => { button.textContent = button.dataset.label; }, 1500);
}

async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // The clipboard is offered to secure pages only. The old way works elsewhere.
    const field = make('textarea', { value: text, className: 'visually-hidden', readOnly: true });
    document.body.append(field);
    field.select();
    const copied = document.execCommand('copy');
    field.remove();
    return copied;
  }
}

// --- The chat ---

/** `from` is 'me', 'peer' or 'note'. */
export function chatLine(from, who, text) {
  const list = element('chat-log');
  const line = make('li', { className: 'chat-line' });
  line.dataset.from = from;
  if (from !== 'note') line.append(make('span', { className: 'chat-who', textContent: who }));
  const shown = text.length > MAX_CHAT_TEXT ? `${text.slice(0, MAX_CHAT_TEXT)} (cut here)` : text;
  line.append(make('span', { className: 'chat-text', textContent: shown }));
  list.append(line);
  while (list.childElementCount > MAX_CHAT) list.firstElementChild.remove();
  list.scrollTop = list.scrollHeight;
}

export function chatReady(ready) {
  const input = element('chat-input');
  input.disabled = !ready;
  input.placeholder = ready ? 'Write a message' : 'Opening the data channel…';
  element('chat-send').disabled = !ready;
}

// --- The call's picture ---

/** An empty stage for a call with `peer`. */
export function resetStage(peer) {
  for (const id of ['remote-video', 'local-video']) element(id).srcObject = null;
  element('screen').dataset.remote = 'none';
  element('screen').dataset.local = 'none';
  element('play-button').hidden = true;
  element('peer-muted').hidden = true;
  element('peer-name').textContent = peer;
  element('call-facts').textContent = '';
  element('call-facts').dataset.framesDecoded = '0';
  element('chat-log').replaceChildren();
  avatar('peer-avatar', peer);
  chatReady(false);
  for (const kind of ['mic', 'camera']) showToggle(kind, false, true);
}

export function showLocal(stream) {
  element('local-video').srcObject = stream;
  const has = (kind) => stream?.getTracks().some((track) => track.kind === kind) ?? false;
  element('screen').dataset.local = has('video') ? 'video' : 'none';
  showToggle('mic', has('audio'), true);
  showToggle('camera', has('video'), true);
}

/** The button of the microphone ('mic') or the 'camera': whether there is one, whether it is on. */
export function showToggle(kind, present, on) {
  const words = kind === 'mic' ? ['Mute', 'Unmute', 'No mic']
    : ['Camera off', 'Camera on', 'No camera'];
  const button = element(`${kind}-button`);
  button.disabled = !present;
  button.dataset.on = String(present && on);
  let word = words[2];
  if (present) word = on ? words[0] : words[1];
  element(`${kind}-label`).textContent = word;
  if (kind === 'camera' && present) element('screen').dataset.local = on ? 'video' : 'off';
}

export function showRemote(stream) {
  const video = element('remote-video');
  if (video.srcObject !== stream) video.srcObject = stream;
  // Sound may only start by itself after a click on the page.
  video.play().catch((error) => {
    element('play-button').hidden = error.name !== 'NotAllowedError';
  });
}

/** What the other side says about its microphone and camera. */
export function showPeerMedia({ microphone, camera }, peer) {
  element('peer-muted').hidden = microphone;
  const screen = element('screen');
  if (!camera) screen.dataset.remote = 'off';
  else screen.dataset.remote = element('remote-video').videoWidth > 0 ? 'video' : 'none';
  if (!camera) element('placeholder-text').textContent = `${peer}’s camera is off`;
}
