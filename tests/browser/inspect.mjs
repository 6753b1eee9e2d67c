// The inspector's page in headless Chromium, against a running server. See call.mjs for how it is
// run; this one takes words in the same way.

import net from 'node:net';
import { readFile } from 'node:fs/promises';
import { chromium } from 'playwright-core';

const BASE = new URL(process.env.WIGWAG_URL);
const TIMEOUT_MS = 20_000;
/** The exit status if there is no check with these words in its title. */
const NONE = 3;
const words = process.argv.slice(2);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
});

let page;
let errors;
let peers;

async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  page = await context.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(new URL('/inspect', BASE).href);
  await page.waitForSelector('#status[data-state="live"]');
  return page;
}

const KEY = Buffer.from('37fa213d', 'hex');

/** A client's frame, masked with the key of the examples in RFC 6455. */
function frame(first, payload) {
  const masked = Buffer.from(payload).map((byte, index) => byte ^ KEY[index % 4]);
  return Buffer.concat([Buffer.from([first, 0x80 | masked.length]), KEY, masked]);
}

let serial = 0;

/** Another client. Its path is its own, so that it can be found in the list. */
async function connect() {
  serial += 1;
  const path = `/echo?peer=${process.pid}-${serial}`;
  const socket = net.connect(Number(BASE.port), BASE.hostname);
  peers.push(socket);
  socket.on('error', () => {});
  socket.on('data', () => {});
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${BASE.host}\r\nUpgrade: websocket\r\n`
    + 'Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
    + 'Sec-WebSocket-Version: 13\r\n\r\n');
  return { path, send: (bytes) => socket.write(bytes), end: () => socket.end() };
}

const rowOf = (peer) => page.locator('.connection', { has: page.getByText(peer.path, { exact: true }) });
const frames = () => page.locator('#frames .frame:not([hidden])');
const texts = () => frames().evaluateAll((rows) => rows.map((row) => (
  `${row.dataset.from} ${row.querySelector('.kind').textContent} ${row.querySelector('.carries').textContent}`
    .trim())));

async function until(what, holds) {
  for (const start = Date.now(); Date.now() - start < TIMEOUT_MS;) {
    if (await holds()) return;
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
  throw new Error(`never: ${what}`);
}

async function choose(peer, count) {
  await rowOf(peer).click();
  await until(`${count} frames`, async () => await frames().count() >= count);
}

function equal(actual, expected, what) {
  const [found, wanted] = [actual, expected].map((value) => JSON.stringify(value));
  if (found !== wanted) throw new Error(`${what}: ${found}, expected ${wanted}`);
}

async function exported(format) {
  const [download] = await Promise.all([
    page.waitForEvent('download'), page.click(`[data-format="${format}"]`)]);
  return { name: download.suggestedFilename(), content: await readFile(await download.path()) };
}

// --- The checks ---

const checks = {
  async 'inspector: a frame of another connection appears, with its fields'() {
    await open();
    const peer = await connect();
    peer.send(frame(0x81, 'Hello'));
    await choose(peer, 4);
    equal(await texts(), [
      `client request GET ${peer.path} HTTP/1.1`, 'server response HTTP/1.1 101 Switching Protocols',
      'client text "Hello"', 'server text "Hello"'], 'frames');
    // And live, while one looks.
    peer.send(frame(0x89, 'there?'));
    await until('a pong', async () => (await texts()).at(-1) === 'server pong "there?"');
    await frames().nth(2).click();
    const names = await page.locator('.field .wireshark').allTextContents();
    for (const name of ['websocket.fin', 'websocket.opcode', 'websocket.masking_key']) {
      equal(names.includes(name), true, name);
    }
    equal(await page.locator('.hex .byte').count(), 11, 'bytes');
    equal(await page.locator('.xor tbody tr').count(), 5, 'rows of the XOR');
    equal(await page.locator('.xor .character').allTextContents(), [...'Hello'], 'unmasked');
  },

  async 'inspector: bytes, bits and fields light up together, both ways'() {
    await open();
    const peer = await connect();
    peer.send(frame(0x81, 'Hello'));
    await choose(peer, 3);
    await frames().nth(2).click();
    const lit = (what) => page.locator(`${what}.lit`).evaluateAll((all) => all.map((one) => (
      one.querySelector('.label')?.textContent ?? one.dataset.bit ?? one.dataset.at)));
    await page.locator('.field', { hasText: 'Masking key' }).hover();
    equal(await lit('.byte'), ['2', '3', '4', '5'], 'bytes of the key');
    await page.locator('.field', { hasText: 'Opcode' }).hover();
    equal(await lit('.bit'), ['3', '2', '1', '0'], 'bits of the opcode');
    await page.locator('.byte').nth(3).hover();
    equal(await lit('.field'), ['Masking key'], 'field of the byte');
    await page.locator('.field', { hasText: 'FIN' }).focus();
    equal(await lit('.bit'), ['7'], 'bits of the focused field');
  },

  async 'inspector: the accept key, a message in fragments, a violation with its place'() {
    await open();
    const peer = await connect();
    peer.send(Buffer.concat([frame(0x01, 'frag'), frame(0x00, 'men'), frame(0x80, 'ted')]));
    await choose(peer, 6);
    await frames().nth(1).click();
    const derived = await page.locator('.derivation code').allTextContents();
    equal([derived[0], derived.at(-1)],
      ['dGhlIHNhbXBsZSBub25jZQ==', 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='], 'accept');
    await frames().nth(3).click();
    equal(await page.locator('.fragment code').allTextContents(), ['frag', 'men', 'ted'], 'parts');
    await page.locator('.fragment').nth(2).click();
    equal(await page.locator('.dissection h3').textContent(), 'continuation "ted"', 'the last');
    peer.send(frame(0xf1, ''));
    await page.waitForSelector('.frame[data-violation="Violation::ReservedBits"]');
    await page.click('#only-violations');
    equal(await frames().count(), 1, 'violations');
    await frames().first().click();
    const box = await page.locator('.violation').textContent();
    equal(/1002/.test(box) && /src\/protocol\/frame\.rs:\d+/.test(box), true, box);
    equal(await page.locator('.state.lit').textContent(), 'CLOSED', 'state');
    equal(await page.locator('.violation .rfc').getAttribute('href'),
      'https://www.rfc-editor.org/rfc/rfc6455.html#section-5.2', 'link');
  },

  async 'inspector: all of it by keyboard'() {
    await open();
    const peer = await connect();
    peer.send(frame(0x81, 'one'));
    await rowOf(peer).waitFor();
    await page.focus('#connections');
    await page.keyboard.press('Home');
    await until('the newest is chosen', async () => await rowOf(peer).getAttribute('aria-selected') === 'true');
    await until('frames', async () => await frames().count() === 4);
    await page.focus('#frames');
    for (let times = 0; times < 3; times += 1) await page.keyboard.press('ArrowDown');
    equal(await page.locator('.dissection h3').textContent(), 'text "one"', 'third');
    await page.keyboard.press('End');
    equal(await page.locator('.dissection').getAttribute('data-from'), 'server', 'last');
    await page.keyboard.press('/');
    await page.keyboard.type('request');
    equal(await frames().count(), 1, 'filtered');
    await page.fill('#filter', '');
    await page.focus('.hex');
    await page.keyboard.press('ArrowRight');
    equal(await page.locator('.byte.lit').first().getAttribute('data-at'), '1', 'second byte');
    await page.focus('#tab-live');
    await page.keyboard.press('ArrowRight');
    await page.waitForSelector('#lab:not([hidden])', { state: 'attached' });
    equal(await page.locator('#live').isVisible(), false, 'live');
  },

  async 'inspector: pause, clear, hide'() {
    await open();
    const peer = await connect();
    peer.send(frame(0x81, 'one'));
    await choose(peer, 4);
    await page.click('#pause');
    peer.send(frame(0x81, 'two'));
    await until('waiting', async () => /2 waiting/.test(await page.locator('#frames-count').textContent()));
    equal(await frames().count(), 4, 'while paused');
    await page.click('#pause');
    equal(await frames().count(), 6, 'after it');
    await page.click('#clear');
    equal(await frames().count(), 0, 'cleared');
    await page.click('#hide');
    await until('told again', async () => await frames().count() === 6);
    equal((await texts())[2], 'client text (3 bytes)', 'hidden');
  },

  async 'inspector: one connection as packets, as a script, as lines'() {
    await open();
    const peer = await connect();
    peer.send(frame(0x81, 'Hello'));
    await choose(peer, 4);
    const capture = await exported('pcap');
    equal(capture.name.endsWith('.pcap'), true, capture.name);
    equal(capture.content.readUInt32LE(0), 0xa1b2c3d4, 'magic number');
    const script = await exported('ws');
    equal(/> text "Hello"\nevent text "Hello"/.test(script.content), true, String(script.content));
    const lines = String((await exported('jsonl')).content).trim().split('\n');
    equal(lines.map((line) => JSON.parse(line).item.kind),
      ['request', 'response', 'frame', 'frame'], 'lines');
  },

  async 'inspector: dark, narrow, and never wider than the screen'() {
    for (const options of [
      { colorScheme: 'dark' },
      { viewport: { width: 360, height: 740 }, colorScheme: 'light' },
      { viewport: { width: 820, height: 1100 }, reducedMotion: 'reduce' },
    ]) {
      await open(options);
      const peer = await connect();
      peer.send(frame(0x82, Buffer.alloc(100)));
      await choose(peer, 4);
      await frames().nth(2).click();
      await page.locator('.dissection').screenshot();
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      equal(over <= 0, true, `${over} pixels too wide`);
      await page.context().close();
    }
  },
};

let failed = 0;
let run = 0;
for (const [title, check] of Object.entries(checks)) {
  if (words.length && !words.some((word) => title.includes(word))) continue;
  run += 1;
  [errors, peers] = [[], []];
  try {
    await check();
    if (errors.length) throw new Error(`errors in the page: ${errors.join('; ')}`);
    console.log(`ok      ${title}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${title}\n        ${error.message}`);
  }
  for (const peer of peers) peer.destroy();
  await page?.context().close();
}
await browser.close();
process.exit(failed > 0 ? 1 : run === 0 ? NONE : 0);
