// Stock players, as another site would embed them, play a session from its first second on.
import assert from 'node:assert/strict';
import { loadavg } from 'node:os';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openBrowser, openPage } from './browser.mjs';
import { install } from './card.mjs';
import { names, stockPlayers } from './players.mjs';
import { fixture, publishCard, publishFile, startServer, until } from './programs.mjs';

const PLAYS_MS = 20_000;
/** In `cargo xtask test --long`. */
const LONG_MS = 300_000;
/** Until then they find their place: video.js with a wait or two (docs/guide/benchmarks.md). */
const SETTLED_MS = 10_000;
/** Over a part that each segment of 1 s lacks, a player jumps 20 times; a late one does once or twice. */
const JUMPS = 5;
/** A player that lost its place is 6 s behind; figures proper are `cargo xtask bench latency`'s. */
const BEHIND_MS = 4_000;

let browser, server, players;
before(async () => {
  [browser, server, players] = await Promise.all([openBrowser(), startServer(), stockPlayers()]);
});
after(async () => {
  players?.close();
  await browser?.close();
  await server?.stop();
});

/** A show with the test card, until `watch` is done. */
async function show(name, watch) {
  const channel = await server.channel(name);
  const publisher = publishCard(channel, server.rtmp, '--size', '640x360');
  try {
    await until('a playlist', 15_000, async () => (await fetch(channel.playback.hls_url)).ok);
    return await watch(channel.playback.hls_url);
  } finally {
    await publisher.stop('SIGINT');
  }
}

/** Plays from the first frame on. `delayMs`: what the network adds to each answer. */
async function plays(player, playlist, { delayMs = 0, playsMs = PLAYS_MS } = {}) {
  const page = await openPage(browser, 'about:blank');
  if (delayMs) {
    const network = { offline: false, latency: delayMs, downloadThroughput: -1, uploadThroughput: -1 };
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Network.enable');
    await devtools.send('Network.emulateNetworkConditions', network);
  }
  await page.goto(players.url(playlist, player));
  await page.evaluate(install);
  const state = () => page.evaluate(() => ({ ...window.stats, seen: window.card.frames.at(-1) }));
  try {
    await until('a picture', 15_000, async () => (await state()).seen).catch(async (error) => {
      throw new Error(`${error.message}: ${JSON.stringify(await state())}`);
    });
    await sleep(playsMs);
    return await state();
  } finally {
    await page.context().close();
  }
}

/**
 * A player that lost a part of a segment waits for the next one, 2 s or more. A busy machine makes it wait too, but for less,
 * and hls.js says of each that its buffer stalled: how often is for `cargo xtask bench latency` to count.
 */
const WAIT_MS = 1_500;
const mild = new Set(['bufferStalledError']);

function well(name, { waits, jumps, errors, fatal, seen }) {
  const stalls = waits.filter(({ ms }) => !(ms < WAIT_MS));
  assert.deepEqual({ stalls, errors: errors.filter((e) => !mild.has(e)), fatal }, { stalls: [], errors: [], fatal: [] }, name);
  assert.ok(jumps <= JUMPS, `${name} jumped ${jumps} times`);
  assert.ok(seen.latencyMs < BEHIND_MS, `${name} is ${seen.latencyMs} ms behind`);
}

for (const name of names) {
  test(`${name} joins in the first second, and later`, async () => {
    const both = await show(name, (playlist) =>
      Promise.all([plays(name, playlist), sleep(5_300).then(() => plays(name, playlist))]),
    );
    both.forEach((one) => well(name, one));
  });
}

/** In the page: `window.appended` has the tfdt of each part that a source buffer got, with the buffer's type. */
function noteAppends() {
  window.appended = [];
  const types = new WeakMap();
  const { addSourceBuffer } = MediaSource.prototype;
  MediaSource.prototype.addSourceBuffer = function (type) {
    const buffer = addSourceBuffer.call(this, type);
    types.set(buffer, type.slice(0, 5));
    return buffer;
  };
  const { appendBuffer } = SourceBuffer.prototype;
  SourceBuffer.prototype.appendBuffer = function (data) {
    const bytes = new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength);
    const at = bytes.findIndex((_, i) => String.fromCharCode(...bytes.subarray(i, i + 4)) === 'tfdt');
    if (at > 0) {
      window.appended.push(`${types.get(this)} ${new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(at + 8)}`);
    }
    return appendBuffer.call(this, data);
  };
}

// Shaka gave its decoder media without a MAP where it began with a delta, lost pictures while a session's first segment was
// listed (both with publishers whose sound begins before their pictures), and loaded each segment's first part twice, which
// costs pictures too where it replaces what is being decoded.
test('Shaka shows the pictures of ffmpeg\'s', async () => {
  const channel = await server.channel('ffmpeg');
  const publisher = publishFile(fixture('plain-44k-mono'), channel.publishUrl);
  try {
    await until('a playlist', 15_000, async () => (await fetch(channel.playback.hls_url)).ok);
    for (const wait of [4_000, 7_000, 500]) {
      await sleep(wait);
      const page = await openPage(browser, 'about:blank');
      await page.addInitScript(noteAppends);
      await page.goto(players.url(channel.playback.hls_url, 'shaka'));
      const look = () =>
        page.evaluate(() => {
          const video = document.querySelector('video');
          const { appended, stats } = window;
          return { at: video.currentTime, frames: video.getVideoPlaybackQuality().totalVideoFrames, appended, ...stats };
        });
      const from = await until('a picture', 15_000, async () => {
        const now = await look();
        return now.frames > 0 && now;
      });
      await sleep(4_000);
      const { at, frames, appended, errors, fatal } = await look();
      await page.context().close();
      assert.deepEqual({ errors, fatal }, { errors: [], fatal: [] });
      // Once where the file begins anew: a part of a frame or two isn't as long as its hint said.
      const twice = appended.filter((part, i) => appended.indexOf(part) < i);
      assert.ok(appended.length > 10 && twice.length <= 2, `${twice.length} of ${appended.length} parts twice: ${twice}`);
      // With a part missing in each segment it was half of them; a busy machine costs a few.
      assert.ok(frames - from.frames > (at - from.at) * 30 * 0.6, `${frames - from.frames} pictures in ${at - from.at} s`);
    }
  } finally {
    await publisher.stop('SIGINT');
  }
});

// A segment closed while the last part but one is on its way must not lose the last one.
test('hls.js loses no part, 40 and 80 ms away', async () => {
  const both = await show('away', (playlist) => Promise.all([40, 80].map((delayMs) => plays('hls.js', playlist, { delayMs }))));
  both.forEach((one) => well('hls.js', one));
});

// All at once, so that it takes five minutes and no more: two cores carry it where nothing else runs.
test('five minutes without a stall', { skip: !process.env.SIGMA_TEST_LONG && 'takes --long', timeout: LONG_MS + 60_000 }, async () => {
  const all = await show('long', (playlist) => Promise.all(names.map((name) => plays(name, playlist, { playsMs: LONG_MS }))));
  const load = `load ${loadavg().map((n) => n.toFixed(1))}`;
  names.forEach((name, i) => {
    const { waits, jumps, seen } = all[i];
    console.log(`${name}: waits ${JSON.stringify(waits)}, ${jumps} jumps, ${seen.latencyMs} ms behind; ${load}`);
  });
  names.forEach((name, i) => {
    const { waits, jumps, errors, fatal, seen } = all[i];
    const late = waits.filter(({ at }) => at > SETTLED_MS);
    assert.deepEqual({ late, errors, fatal, jumps }, { late: [], errors: [], fatal: [], jumps: 0 }, `${name}, ${load}`);
    assert.ok(seen.latencyMs < BEHIND_MS, `${name} is ${seen.latencyMs} ms behind, ${load}`);
  });
});
