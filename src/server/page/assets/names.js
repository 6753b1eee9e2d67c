// Names of users, and what the page's address says about them:
//
//   ?name=alice   log in at once
//   ?call=bob     offer to call bob
//   ?auto=1       accept every call (for tests and demonstrations; on this computer only)

const ADJECTIVES = 'amber brisk calm clever coral eager fair gentle glad golden keen kind lively '
  + 'lucky merry mild nimble quick quiet silver sunny swift warm witty';
const ANIMALS = 'badger beaver crane dolphin falcon finch fox gull hare heron ibis lynx marten '
  + 'otter owl panda plover puffin raven robin seal stork swan tern';

const LOOPBACK = /^((.+\.)?localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** Whether the server is on the user's own computer. */
export const onThisComputer = LOOPBACK.test(location.hostname);

/** The server compares names in NFC; so does whoever decides which side of a call is polite. */
export function clean(name) {
  return name.trim().normalize('NFC');
}

export function friendlyName() {
  const pick = (words) => words[Math.floor(Math.random() * words.length)];
  return `${pick(ADJECTIVES.split(' '))}-${pick(ANIMALS.split(' '))}`;
}

const parameters = new URLSearchParams(location.search);

export const address = {
  name: clean(parameters.get('name') ?? ''),
  call: clean(parameters.get('call') ?? ''),
  // A link that switches a camera on without asking must not work on a server in the open.
  autoAccept: parameters.get('auto') === '1' && onThisComputer,
};

/** The address that offers whoever opens it to call `name`. */
export function linkToCall(name) {
  const link = new URL(location.pathname, location.href);
  link.searchParams.set('call', name);
  return link.href;
}
