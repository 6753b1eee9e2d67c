// A real call between two real pages, in headless Chromium, against a running server.
//
//   WIGWAG_URL=http://127.0.0.1:8888/ [CHROMIUM=/usr/bin/chromium] node call.mjs [WORD ...]
//
// One line for each check; the exit status is 1 when one failed. With words, only the checks whose
// title contains one of them are run. Needs the npm package playwright-core. Nothing here waits for
// a fixed time: every wait is for something to happen, and fails after TIMEOUT_MS.

import { once } from 'node:events';
import net from 'node:net';
import { chromium } from 'playwright-core';

const BASE = process.env.WIGWAG_URL;
if (!BASE) {
  console.error('WIGWAG_URL is not set: it says where the server listens, http://127.0.0.1:8888/');
  process.exit(2);
}
const TIMEOUT_MS = 20_000;
/** The exit status if there is no check with these words in its title. */
const NONE = 3;
const MEDIA = ['camera', 'microphone'];
const words = process.argv.slice(2);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--use-fake-device-for-media-stream', '--allow-loopback-in-peer-connection'],
});

// --- Pages ---

let contexts = [];
let pageErrors = [];
let serial = 0;
const unique = (name) => `${name}-${process.pid}-${serial}`;

async function open(query, { permissions = MEDIA, base = BASE, ...options } = {}) {
  const context = await browser.newContext({ permissions, ...options });
  contexts.push(context);
  const page = await context.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  page.on('pageerror', (error) => pageErrors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') pageErrors.push(message.text());
  });
  await page.goto(new URL(`?${new URLSearchParams(query)}`, base).href);
  return page;
}

const state = (page, wanted) => page.waitForSelector(`body[data-state="${wanted}"]`);
const connected = (page) => page.waitForSelector('body[data-connection="connected"]');

async function login(name, options) {
  const page = await open({ name }, options);
  await state(page, 'lobby');
  return page;
}

async function text(page, selector, pattern) {
  await page.waitForFunction(
    ([where, source]) => new RegExp(source).test(document.querySelector(where)?.textContent),
    [selector, pattern.source],
  );
}

async function dial(page, name, button = '#call-button') {
  await page.fill('#peer', name);
  await page.click(button);
}

/** Two pages in a call with each other; `alice` called. */
async function pair(options = {}) {
  serial += 1;
  const names = [unique('alice'), unique('bob')];
  const [alice, bob] = await Promise.all([
    login(names[0], options.alice), login(names[1], options.bob)]);
  await dial(alice, names[1]);
  await state(bob, 'ringing');
  await bob.click('#accept-button');
  await Promise.all([connected(alice), connected(bob)]);
  return { alice, bob, names };
}

/** The picture has a size, and new frames keep being decoded. */
async function seesVideo(page) {
  await page.waitForFunction(() => document.getElementById('remote-video').videoWidth > 0
    && document.getElementById('screen').dataset.remote === 'video');
  const frames = () => page.$eval('#call-facts', (facts) => Number(facts.dataset.framesDecoded));
  await page.waitForFunction(() => (
    Number(document.getElementById('call-facts').dataset.framesDecoded) > 0));
  const before = await frames();
  await page.waitForFunction((count) => (
    Number(document.getElementById('call-facts').dataset.framesDecoded) > count), before);
}

async function say(from, to, message) {
  await from.waitForSelector('#chat-input:not(:disabled)');
  await from.fill('#chat-input', message);
  await from.press('#chat-input', 'Enter');
  await to.waitForFunction((wanted) => (
    [...document.querySelectorAll('#chat-log [data-from="peer"] .chat-text')]
      .some((line) => line.textContent === wanted)), message);
}

async function talk(alice, bob) {
  await say(alice, bob, 'from the caller');
  await say(bob, alice, 'from the called');
}

function equal(actual, expected, what) {
  if (actual !== expected) throw new Error(`${what}: ${actual}, expected ${expected}`);
}

/** A TCP relay before the server, so that a connection can break without a goodbye. */
async function relay() {
  const target = new URL(BASE);
  const sockets = new Set();
  const server = net.createServer((near) => {
    const far = net.connect(Number(target.port || 80), target.hostname);
    for (const [from, to] of [[near, far], [far, near]]) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => { sockets.delete(from); to.destroy(); });
      from.pipe(to);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    cut: () => { for (const socket of sockets) socket.destroy(); },
    close: () => { server.close(); for (const socket of sockets) socket.destroy(); },
  };
}

// --- Checks ---

const checks = {
  'the form logs in and shows the link': async () => {
    serial += 1;
    const page = await open({});
    await state(page, 'offline');
    if ((await page.inputValue('#name')) === '') throw new Error('no name was suggested');
    const name = unique('zoë');
    await page.fill('#name', name);
    await page.press('#name', 'Enter');
    await state(page, 'lobby');
    equal(await page.textContent('#my-name'), name, 'name');
    equal(await page.getAttribute('#my-link', 'href'),
      new URL(`/?call=${encodeURIComponent(name)}`, BASE).href, 'link');
  },

  'a name that is in use is refused in words': async () => {
    serial += 1;
    await login(unique('alice'));
    const page = await open({ name: unique('alice') });
    await text(page, '#name-error', /in use/);
    await state(page, 'offline');
  },

  'a name with an invisible character is refused in words': async () => {
    const page = await open({ name: 'al\u200bice' });
    await text(page, '#name-error', /cannot be used/);
  },

  'calling somebody who is not here says so': async () => {
    serial += 1;
    const page = await login(unique('alice'));
    await dial(page, unique('nobody'));
    await text(page, '#notices', /is not here/);
    await state(page, 'lobby');
    await dial(page, unique('alice'));
    await text(page, '#peer-error', /your own name/);
  },

  'the link proposes the call, video flows both ways, chat crosses': async () => {
    serial += 1;
    const names = [unique('alice'), unique('bob')];
    const alice = await login(names[0]);
    const bob = await open({ name: names[1], call: names[0] });
    await state(bob, 'lobby');
    await text(bob, '#call-button', new RegExp(`^Call ${names[0]}$`));
    await bob.click('#call-button');
    await state(alice, 'ringing');
    equal(await alice.textContent('#caller-name'), names[1], 'caller');
    equal(await alice.$eval('#local-video', (video) => video.srcObject), null, 'camera while ringing');
    await alice.click('#accept-button');
    await Promise.all([state(alice, 'in-call'), state(bob, 'in-call')]);
    await Promise.all([seesVideo(alice), seesVideo(bob)]);
    await talk(bob, alice);
    await say(alice, bob, '<img src=x onerror=alert(1)>');
    equal(await bob.locator('#chat-log img').count(), 0, 'elements made from chat text');
  },

  'hanging up ends the call on both sides': async () => {
    const { alice, bob, names } = await pair();
    await alice.click('#hangup-button');
    await Promise.all([state(alice, 'lobby'), state(bob, 'lobby')]);
    await text(bob, '#notices', new RegExp(`${names[0]} left the call`));
    // And again, the other way round, on the same pages.
    await dial(bob, names[0]);
    await alice.click('#accept-button');
    await Promise.all([connected(alice), connected(bob)]);
    await Promise.all([seesVideo(alice), seesVideo(bob)]);
    await alice.click('#hangup-button');
    await Promise.all([state(alice, 'lobby'), state(bob, 'lobby')]);
  },

  'closing the tab ends the call for the other': async () => {
    const { alice, bob, names } = await pair();
    await bob.close();
    await state(alice, 'lobby');
    await text(alice, '#notices', new RegExp(`${names[1]} (left the call|is gone)`));
  },

  'declining tells the caller; so does cancelling': async () => {
    serial += 1;
    const names = [unique('alice'), unique('bob')];
    const [alice, bob] = await Promise.all(names.map((name) => login(name)));
    await dial(alice, names[1]);
    await bob.click('#decline-button');
    await text(alice, '#notices', /declined/);
    await Promise.all([state(alice, 'lobby'), state(bob, 'lobby')]);
    await dial(alice, names[1]);
    await state(bob, 'ringing');
    await alice.click('#hangup-button');
    await text(bob, '#notices', /stopped calling/);
    await state(bob, 'lobby');
  },

  'a second caller is told that we are busy': async () => {
    const { alice, bob, names } = await pair();
    const carol = await login(unique('carol'));
    await dial(carol, names[1]);
    await text(carol, '#notices', /declined, or is in another call/);
    await text(bob, '#notices', /tried to call you/);
    await state(carol, 'lobby');
    await state(bob, 'in-call');
    await talk(alice, bob);
  },

  'a switched-off camera and microphone are shown to the other': async () => {
    const { alice, bob } = await pair();
    await seesVideo(bob);
    await alice.click('#camera-button');
    await bob.waitForSelector('#screen[data-remote="off"]');
    await alice.click('#mic-button');
    await bob.waitForSelector('#peer-muted:not([hidden])');
    await alice.click('#camera-button');
    await seesVideo(bob);
  },

  'without a camera the call works, and the other is seen': async () => {
    const { alice, bob } = await pair({ alice: { permissions: [] } });
    await text(alice, '#notices', /refused|found/);
    await seesVideo(alice);
    await talk(alice, bob);
    equal(await bob.getAttribute('#screen', 'data-remote') === 'video', false, 'video from nowhere');
  },

  'the called may refuse the camera too': async () => {
    const { alice, bob } = await pair({ bob: { permissions: [] } });
    await text(bob, '#notices', /refused|found/);
    await seesVideo(bob);
    await talk(alice, bob);
  },

  'a call without cameras carries the chat': async () => {
    serial += 1;
    const names = [unique('alice'), unique('bob')];
    const [alice, bob] = await Promise.all(names.map((name) => login(name)));
    await dial(alice, names[1], '#call-data-button');
    await bob.click('#accept-data-button');
    await Promise.all([connected(alice), connected(bob)]);
    await talk(alice, bob);
  },

  '?auto=1 accepts by itself': async () => {
    serial += 1;
    const names = [unique('alice'), unique('bob')];
    const alice = await login(names[0]);
    const bob = await open({ name: names[1], auto: '1' });
    await state(bob, 'lobby');
    await dial(alice, names[1]);
    await Promise.all([seesVideo(alice), seesVideo(bob)]);
  },

  ...Object.fromEntries(['with cameras', 'without cameras'].map((how) => [
    `both call each other at once, ${how}`, async () => {
      serial += 1;
      const names = [unique('alice'), unique('bob')];
      // Offers to the pages are held back until both pages have sent theirs: they always cross.
      const held = [];
      let sent = 0;
      const crossing = async (page) => page.routeWebSocket(/signal$/, (route) => {
        const server = route.connectToServer();
        route.onMessage((message) => {
          server.send(message);
          if (JSON.parse(message).type !== 'offer') return;
          sent += 1;
          if (sent >= 2) for (const release of held.splice(0)) release();
        });
        server.onMessage((message) => {
          const early = JSON.parse(message).type !== 'login' && sent < 2;
          if (early) held.push(() => route.send(message));
          else route.send(message);
        });
      });
      const [alice, bob] = await Promise.all(names.map(async (name) => {
        const page = await login(name);
        await crossing(page);
        await page.reload();
        return page;
      }));
      await Promise.all([state(alice, 'lobby'), state(bob, 'lobby')]);
      const button = how === 'with cameras' ? '#call-button' : '#call-data-button';
      await Promise.all([dial(alice, names[1], button), dial(bob, names[0], button)]);
      await Promise.all([connected(alice), connected(bob)]);
      for (const page of [alice, bob]) {
        for (const direction of ['sent', 'received']) {
          equal(await page.locator(`[data-direction="${direction}"][data-type="offer"]`).count(), 1,
            `offers ${direction}`);
        }
      }
      if (how === 'with cameras') await Promise.all([seesVideo(alice), seesVideo(bob)]);
      await talk(alice, bob);
    },
  ])),

  'a page that is loaded anew can call again': async () => {
    const { alice, bob, names } = await pair();
    await bob.reload();
    await Promise.all([state(alice, 'lobby'), state(bob, 'lobby')]);
    await dial(bob, names[0]);
    await alice.click('#accept-button');
    await Promise.all([seesVideo(alice), seesVideo(bob)]);
  },

  'a broken connection is explained, and reconnecting works': async () => {
    serial += 1;
    const between = await relay();
    try {
      const page = await login(unique('alice'), { base: between.url });
      between.cut();
      await state(page, 'offline');
      await text(page, '#reconnect-text', /1006/);
      await page.click('#reconnect-button');
      await state(page, 'lobby');
    } finally {
      between.close();
    }
  },

  'a close code and its reason are shown': async () => {
    serial += 1;
    const page = await open({});
    let socket;
    await page.routeWebSocket(/signal$/, (route) => {
      socket = route;
      route.connectToServer();
    });
    await page.reload();
    await page.fill('#name', unique('alice'));
    await page.click('#join-button');
    await state(page, 'lobby');
    await socket.close({ code: 1013, reason: 'too many' });
    await text(page, '#reconnect-text', /1013, .*overloaded.*too many/);
  },

  'the log shows each message, its SDP line by line, and is bounded': async () => {
    const { alice } = await pair();
    const offer = alice.locator('.entry[data-direction="sent"][data-type="offer"]');
    await offer.locator('summary').click();
    await text(alice, '.entry[data-type="offer"] .sdp', /a=fingerprint:sha-256/);
    await text(alice, '.entry[data-type="offer"] pre', /lines, below/);
    for (const type of ['login', 'answer', 'candidate']) {
      await alice.waitForSelector(`.entry[data-direction="received"][data-type="${type}"]`);
    }
    await text(alice, '#log-list', /end of candidates/);
    await alice.click('#log-clear');
    equal(await alice.locator('.entry').count(), 0, 'entries after clearing');
    const count = await alice.evaluate(async () => {
      const { SignalingLog } = await import('./assets/log.js');
      const log = new SignalingLog();
      for (let number = 0; number < 600; number += 1) log.add('sent', `{"type":"${number}"}`);
      return document.querySelectorAll('.entry').length;
    });
    equal(count, 500, 'entries');
  },
};

// --- The run ---

let failed = 0;
let run = 0;
for (const [title, check] of Object.entries(checks)) {
  if (words.length > 0 && !words.some((word) => title.includes(word))) continue;
  run += 1;
  const started = performance.now();
  let problem = null;
  try {
    await check();
    if (pageErrors.length > 0) problem = `errors in the page: ${pageErrors.join('; ')}`;
  } catch (error) {
    problem = [error.message.split('\n')[0], ...pageErrors].join('; ');
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(problem ? `FAILED ${title}: ${problem}` : `ok ${title} (${seconds} s)`);
  if (problem) failed += 1;
  await Promise.all(contexts.map((context) => context.close()));
  contexts = [];
  pageErrors = [];
}
await browser.close();
console.log(`${run - failed} of ${run} checks passed`);
process.exit(failed > 0 ? 1 : run === 0 ? NONE : 0);
