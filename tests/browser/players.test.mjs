// Stock hls.js, as another site would embed it, plays a session from its first second on without a stall.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openBrowser, openPage } from './browser.mjs';
import { install } from './card.mjs';
import { stockPlayers } from './players.mjs';
import { publishCard, startServer, until } from './programs.mjs';

let browser, server, players;
before(async () => {
  [browser, server, players] = await Promise.all([openBrowser(), startServer(), stockPlayers()]);
});
after(async () => {
  players?.close();
  await browser?.close();
  await server?.stop();
});

/** `delayMs`: what the network adds to each answer. */
async function plays(name, { delayMs = 0, frames = 150 }) {
  const channel = await server.channel(`${name} ${delayMs}`);
  const publisher = publishCard(channel, server.rtmp, '--size', '640x360');
  try {
    await until('a playlist', 15_000, async () => (await fetch(channel.playback.hls_url)).ok);
    const page = await openPage(browser, 'about:blank');
    if (delayMs) {
      const network = { offline: false, latency: delayMs, downloadThroughput: -1, uploadThroughput: -1 };
      const devtools = await page.context().newCDPSession(page);
      await devtools.send('Network.enable');
      await devtools.send('Network.emulateNetworkConditions', network);
    }
    await page.goto(players.url(channel.playback.hls_url, name));
    await page.evaluate(install);
    await until(`${frames} frames`, 30_000, () => page.evaluate((n) => window.card.frames.length >= n, frames));
    const stats = await page.evaluate(() => window.stats);
    const seen = await page.evaluate(() => window.card.frames.map((f) => f.latencyMs));
    await page.context().close();
    return { ...stats, latencyMs: seen.at(-1) };
  } finally {
    await publisher.stop('SIGINT');
  }
}

// From a session's first second on. A segment closed while the last part but one is on its way must not lose the last one.
for (const delayMs of [0, 40, 80]) {
  test(`hls.js never stalls, ${delayMs} ms away`, async () => {
    const { stalls, errors, fatal, latencyMs } = await plays('hls.js', { delayMs, frames: 240 });
    assert.deepEqual({ stalls, errors, fatal }, { stalls: 0, errors: [], fatal: [] });
    assert.ok(latencyMs < 2_500, `${latencyMs} ms behind`);
  });
}
