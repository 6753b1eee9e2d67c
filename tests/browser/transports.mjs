// The page that compares transports in headless Chromium, against a running server. See call.mjs for
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

async function open() {
  const context = await browser.newContext();
  page = await context.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(new URL('/transports', BASE).href);
  await page.waitForSelector('.lane');
}

function equal(actual, expected, what) {
  const [found, wanted] = [actual, expected].map((value) => JSON.stringify(value));
  if (found !== wanted) throw new Error(`${what}: ${found}, expected ${wanted}`);
}

/** What each lane shows, by its name. */
const lanes = async () => Object.fromEntries(await page.locator('.lane').evaluateAll(
  (all) => all.map((lane) => [lane.querySelector('h2').textContent, Object.fromEntries(
    [...lane.querySelectorAll('[data-value]')].map((value) => (
      [value.dataset.value, Number(value.textContent.replace(/[^0-9.]/g, ''))])))])));

/** Waits until each lane has had so many messages back, and the server's figures for them. */
async function messages(count) {
  await page.waitForFunction((least) => (
    [...document.querySelectorAll('.lane [data-value=messages]')]
      .every((value) => Number(value.textContent) >= least)), count);
  return lanes();
}

const checks = {
  async 'transports: messages come back by all four, and WebSocket has the fewest bytes'() {
    await open();
    equal(Object.keys(await lanes()).length, 4, 'lanes');
    await page.selectOption('#every', '250');
    await page.selectOption('#poll', '250');
    await page.click('#start');
    const found = await messages(8);
    for (const [name, { requests, received, sent, median }] of Object.entries(found)) {
      const counted = requests > 0 && received > 0 && sent > 0 && median > 0;
      equal(counted, true, `${name}: ${JSON.stringify(found[name])}`);
    }
    const total = ([, { received, sent }]) => received + sent;
    const [least] = Object.entries(found).sort((one, other) => total(one) - total(other));
    equal(least[0], 'WebSocket', `fewest bytes of ${JSON.stringify(found)}`);
    equal(found.WebSocket.requests, 1, 'requests of the WebSocket');
    await page.click('#start');
    equal(await page.textContent('#status'), 'Stopped', 'status');
  },

  async 'transports: reset begins to count anew'() {
    await open();
    await page.selectOption('#every', '250');
    await page.selectOption('#poll', '250');
    await page.click('#start');
    await messages(1);
    await page.click('#start');
    await page.click('#reset');
    for (const [name, { messages: count, sent }] of Object.entries(await lanes())) {
      equal([count, sent], [0, 0], name);
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
