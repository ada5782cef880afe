// Stock hls.js goes from one rendition of a ladder to another, up and down, and its viewer sees one show.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openBrowser, openPage } from './browser.mjs';
import { install } from './card.mjs';
import { stockPlayers } from './players.mjs';
import { publishCard, startServer, until } from './programs.mjs';

/** A busy machine makes a player wait, but for less. */
const WAIT_MS = 1_500;
const STAYS_MS = 5_000;
/** Not for the viewer: a wait, which is judged by its length, and what hls.js no longer loads for it changes levels. */
const mild = new Set(['bufferStalledError', 'aborted']);

let browser, server, players;
before(async () => {
  [browser, server, players] = await Promise.all([openBrowser(), startServer(), stockPlayers()]);
});
after(async () => {
  players?.close();
  await browser?.close();
  await server?.stop();
});

test('hls.js changes levels without a seam', async () => {
  const rendition = (width, height, kbps) => ({ width, height, bitrate_kbps: kbps, preset: 'ultrafast' });
  const ladder = { kind: 'list', renditions: [rendition(512, 288, 900), rendition(426, 240, 700)] };
  const channel = await server.channel('ladder', { ladder });
  const publisher = publishCard(channel, server.rtmp, '--size', '640x360');
  try {
    await until('a playlist', 15_000, async () => (await fetch(channel.playback.hls_url)).ok);
    const page = await openPage(browser, players.url(channel.playback.hls_url));
    await page.evaluate(install);
    const state = () =>
      page.evaluate(() => ({ ...window.stats, height: document.querySelector('video').videoHeight, frames: window.card.frames }));
    await until('a picture', 15_000, async () => (await state()).frames.length);
    const heights = await page.evaluate(() => window.hls.levels.map((level) => level.height));
    assert.deepEqual([...heights].sort(), [240, 288, 360]);
    await sleep(STAYS_MS);
    const begun = (await state()).frames.length;
    for (const height of [240, 360, 288, 240, 288, 360]) {
      const level = heights.indexOf(height);
      await page.evaluate((level) => (window.hls.nextLevel = level), level);
      await until(`${height} lines`, STAYS_MS, async () => (await state()).height === height);
      await sleep(2_000);
    }
    const { waits, jumps, errors, fatal, frames } = await state();
    const stalls = waits.filter(({ ms }) => !(ms < WAIT_MS));
    assert.deepEqual({ stalls, fatal }, { stalls: [], fatal: [] }, JSON.stringify({ waits, jumps, errors }));
    const numbers = frames.slice(begun).map(({ frame }) => frame);
    const back = numbers.filter((number, at) => number < numbers[at - 1]);
    const most = Math.max(...numbers.map((number, at) => number - (numbers[at - 1] ?? number)));
    console.log(`${numbers.length} frames seen of ${numbers.at(-1) - numbers[0] + 1}, ${most} apart at most`, { waits, jumps, errors });
    assert.deepEqual(back, [], 'time goes forward');
    assert.deepEqual(errors.filter((error) => !mild.has(error)), []);
    await page.context().close();
  } finally {
    await publisher.stop('SIGINT');
  }
});
