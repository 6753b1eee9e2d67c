// The lab of the inspector's page in headless Chromium, against a running server. See call.mjs for
// how it is run; this one takes words in the same way.

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

/** A page with what the address carries. */
async function open(hash = '#lab', options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  page = await context.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(new URL(`/inspect${hash}`, BASE).href);
  await page.waitForSelector('#lab[data-ready]');
}

function equal(actual, expected, what) {
  const [found, wanted] = [actual, expected].map((value) => JSON.stringify(value));
  if (found !== wanted) throw new Error(`${what}: ${found}, expected ${wanted}`);
}

const hex = () => page.inputValue('#lab-hex');
const bit = (at, number) => page.locator(`.bit-button[data-at="${at}"][data-bit="${number}"]`);
const bits = async () => (await page.locator('.bit-button').allTextContents()).join('');
const button = (name) => page.locator('#composer').getByRole('button', { name, exact: true });
const pressed = (locator) => locator.getAttribute('aria-pressed');
const title = () => page.textContent('.verdict-title');
const facts = async () => Object.fromEntries(await page.locator('.verdict-facts > div').evaluateAll(
  (rows) => rows.map((row) => [row.children[0].textContent, row.children[1].textContent])));

/** What this does leads to another outcome than is shown: waits for it. */
async function outcomeOf(act) {
  const before = await page.getAttribute('#outcome', 'data-shown');
  await act();
  await page.waitForFunction((shown) => {
    const outcome = document.getElementById('outcome');
    return outcome.dataset.shown && outcome.dataset.shown !== shown && !outcome.dataset.stale;
  }, before);
}

const shown = () => page.waitForSelector('#outcome[data-shown]:not([data-stale])');

// --- The checks ---

const checks = {
  async 'lab: bits that are clicked change the bytes'() {
    await open();
    equal(await hex(), '81 85 37 fa 21 3d 7f 9f 4d 51 58', 'a frame to begin with');
    equal(await bits(), '1000000110000101', 'its bits');
    await bit(0, 6).click();
    equal([await hex(), await pressed(bit(0, 6))], ['c1 85 37 fa 21 3d 7f 9f 4d 51 58', 'true'], 'RSV1');
    await bit(0, 6).click();
    await bit(0, 7).click();
    await button('ping').click();
    equal(await hex(), '09 85 37 fa 21 3d 7f 9f 4d 51 58', 'no FIN, a ping');
    await bit(1, 7).click();
    equal(await hex(), '09 05 48 65 6c 6c 6f', 'no mask');
    await button('16 bits').click();
    equal(await hex(), '09 7e 00 05 48 65 6c 6c 6f', 'a longer length');
    await bit(1, 7).click();
    await page.fill('#lab-key', '01 02 03 04');
    equal(await hex(), '09 fe 00 05 01 02 03 04 49 67 6f 68 6e', 'another key');
    await page.fill('#lab-payload', 'é');
    equal(await hex(), '09 fe 00 02 01 02 03 04 c2 ab', 'another payload');
    await button('7 bits').click();
    await bit(1, 0).click();
    equal(await page.textContent('#lab-length'), '3 bytes, of which 2 are here', 'a length that lies');
  },

  async 'lab: bytes that are typed change the bits, and what is no byte is told'() {
    await open();
    await page.fill('#lab-hex', '0x8a 00');
    equal(await bits(), '1000101000000000', 'bits of a pong');
    equal(await pressed(button('pong')), 'true', 'its opcode');
    equal(await page.isDisabled('#lab-key'), true, 'no key');
    await page.locator('#lab-hex').blur();
    equal(await hex(), '8a 00', 'spelled as all the rest');
    await page.fill('#lab-hex', '8a 0');
    equal(await page.textContent('#lab-error'), 'One digit is left over: a byte is two of them.', 'half');
    await page.fill('#lab-hex', '8a 0x');
    await page.fill('#lab-hex', 'maybe');
    equal(await page.textContent('#lab-error'), '“m” is not a hexadecimal digit.', 'no digit');
    equal(await page.getAttribute('#lab-hex', 'aria-invalid'), 'true', 'the field that is wrong');
    await page.fill('#lab-hex', '880203e8');
    equal(await page.textContent('#lab-error'), '', 'right again');
    equal(await page.inputValue('#lab-payload'), '03 e8', 'no text, so hexadecimal');
    // Each of two frames can be looked at.
    await page.fill('#lab-hex', '8900 0105');
    await page.locator('#lab-frames').getByRole('button', { name: '2: text' }).click();
    equal(await bits(), '0000000100000101', 'the second frame');
    await bit(0, 7).click();
    equal(await hex(), '89 00 81 05', 'only the second is changed');
  },

  async 'lab: a frame that is right is heard, in each state'() {
    await open();
    await outcomeOf(() => button('Send it').click());
    equal(await title(), 'The server hears a text: "Hello".', 'in the beginning');
    await page.selectOption('#lab-state', 'in-text');
    equal(await page.getAttribute('#outcome', 'data-stale'), 'true', 'what was found is about the past');
    await button('continuation').click();
    await page.fill('#lab-payload', 'lo');
    await outcomeOf(() => button('Send it').click());
    equal(await title(), 'The server hears a text: "Hello".', 'the end of a text');
    await page.selectOption('#lab-state', 'after-your-close');
    await outcomeOf(() => page.press('#lab-payload', 'Enter'));
    equal(await title(), 'The server discards it: for it, the connection has ended.', 'too late');
    await button('the server').click();
    await page.selectOption('#lab-state', 'open');
    await page.fill('#lab-hex', '8901');
    await outcomeOf(() => button('Send it').click());
    equal(await title(), 'The client waits for more: the frame is incomplete.', 'half a frame');
  },

  async 'lab: a mistake from the shelf shows what it breaks, where, and who tests it'() {
    await open();
    equal(await page.locator('.mistake').count(), 20, 'mistakes');
    await outcomeOf(() => page.getByText('An opcode of one\'s own').click());
    equal(await title(), 'A reserved opcode.', 'the sentence');
    const { 'Kept in': place, ...others } = await facts();
    equal(others, {
      'Close code': '1002 protocol error', Rule: 'RFC 6455, 5.2',
      'Test suite': 'Autobahn case 4.1.1 (of 4.1.1 to 4.1.5 and 4.2.1 to 4.2.5)',
      'The server': 'was open, is closed',
    }, 'facts');
    equal(/^src\/protocol\/frame\.rs:\d+ as Violation::ReservedOpcode$/.test(place), true, place);
    await page.locator('.folded summary').click();
    equal(await page.textContent('.folded .dissection h3'), 'close 1002 "a reserved opcode"', 'answer');
    await outcomeOf(() => page.getByText('The character that never ended').click());
    equal([await title(), (await facts())['Close code']],
      ['Text is not valid UTF-8.', '1007 invalid frame payload data'], 'the next one');
    equal(await page.inputValue('#lab-state'), 'in-character', 'its state');
    await outcomeOf(() => page.getByText('The client that forgot its mask').click());
    equal((await facts())['Test suite'], 'no Autobahn case tests this', 'untested');
  },

  async 'lab: a link carries the frame, the state and the sender'() {
    await open();
    await outcomeOf(() => page.getByText('Text, text, text').click());
    const link = page.url();
    const [bytes, verdict] = [await hex(), await title()];
    await page.context().close();
    await open(new URL(link).hash);
    await shown();
    equal([await hex(), await page.inputValue('#lab-state'), await title()], [bytes, 'in-text', verdict],
      'what the link shows at once');
    equal(await page.locator('.mistake[aria-selected="true"] .mistake-title').textContent(),
      'Text, text, text', 'it is on the shelf');
    await page.context().close();
    await open('#818537fa213d7f9f4d5158');
    await shown();
    equal(await title(), 'The server hears a text: "Hello".', 'bytes alone');
    // To the other tab and back: what was composed is still there.
    await bit(0, 3).click();
    await page.click('#tab-live');
    await page.click('#tab-lab');
    equal(await hex(), '89 85 37 fa 21 3d 7f 9f 4d 51 58', 'still there');
    await page.context().close();
    await open('#lab=zz&state=nowhere&from=nobody');
    equal([await page.inputValue('#lab-state'), (await hex()).length], ['open', 32], 'a broken link');
  },

  async 'lab: by keyboard alone'() {
    await open();
    await page.focus('#shelf');
    await outcomeOf(() => page.keyboard.press('ArrowDown'));
    equal(await title(), 'A client must mask its frames.', 'first of the shelf');
    await outcomeOf(() => page.keyboard.press('ArrowDown'));
    equal(await title(), 'A server must not mask its frames.', 'second of the shelf');
    const focused = () => page.evaluate(() => document.activeElement.ariaLabel
      ?? document.activeElement.textContent.trim().replace(/\s+/g, ' '));
    await page.keyboard.press('Tab');
    equal(await focused(), 'You are the client', 'one tab on');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    equal(await focused(), 'FIN', 'three more');
    await page.keyboard.press('ArrowDown');
    equal(await focused(), 'MASK', 'below FIN');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Space');
    equal((await hex()).slice(0, 2), 'c1', 'RSV1 is set');
    await page.focus('#lab-hex');
    await outcomeOf(() => page.keyboard.press('Enter'));
    equal(await title(), 'A reserved bit is set without an extension.', 'sent');
  },

  async 'lab: dark, narrow, and never wider than the screen'() {
    for (const options of [
      { colorScheme: 'dark' },
      { viewport: { width: 360, height: 740 }, colorScheme: 'light' },
      { viewport: { width: 820, height: 1100 }, reducedMotion: 'reduce' },
    ]) {
      await open('#lab=81fe007e&state=open&from=client', options);
      await shown();
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      equal(over <= 0, true, `${over} pixels too wide`);
      for (const part of ['#composer', '#outcome-pane', '.verdict']) {
        const cut = await page.locator(part).evaluate((one) => one.scrollWidth - one.clientWidth);
        equal(cut <= 0, true, `${cut} pixels of ${part} are cut off`);
      }
      await page.context().close();
    }
  },
};

let failed = 0;
let run = 0;
for (const [name, check] of Object.entries(checks)) {
  if (words.length && !words.some((word) => name.includes(word))) continue;
  run += 1;
  errors = [];
  try {
    await check();
    if (errors.length) throw new Error(`errors in the page: ${errors.join('; ')}`);
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}\n        ${error.message}`);
  }
  await page?.context().close();
}
await browser.close();
process.exit(failed > 0 ? 1 : run === 0 ? NONE : 0);
