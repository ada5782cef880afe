// Winding in catch-up: a stock player goes through the key frames of the I-frame playlist, and plays on.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openBrowser, openPage } from './browser.mjs';
import { publishCard, startServer, until } from './programs.mjs';

const script = 'node_modules/shaka-player/dist/shaka-player.compiled.js';
/** Enough to wind through, whatever lies in the buffer as it begins. */
const SHOW_MS = 40_000;

let browser, server;
before(async () => {
  [browser, server] = await Promise.all([openBrowser(), startServer()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** The address of a session that is over. */
async function recorded() {
  const channel = await server.channel('trick');
  const publisher = publishCard(channel, server.rtmp, '--size', '640x360');
  await until('a playlist', 15_000, async () => (await fetch(channel.playback.hls_url)).ok);
  await new Promise((done) => setTimeout(done, SHOW_MS));
  await publisher.stop('SIGINT');
  const { data } = await server.api('GET', `/channels/${channel.id}/sessions`);
  const assets = `/sessions/${data[0].id}/assets`;
  const found = () => server.api('GET', assets).then(({ data }) => data.find((asset) => asset.kind === 'catch_up'));
  return (await until('the catch-up playlist', 15_000, found)).url;
}

test('shaka winds through key frames and plays on', async () => {
  const url = await recorded();
  const page = await openPage(browser, new URL('/healthz', url).href);
  await page.setContent('<video muted playsinline autoplay></video>');
  await page.addScriptTag({ path: script });
  await page.evaluate(async (url) => {
    const player = (window.player = new shaka.Player());
    window.seen = { errors: [], keys: 0 };
    player.addEventListener('error', (event) => window.seen.errors.push(event.detail.code));
    player.getNetworkingEngine().registerRequestFilter((_, request) => {
      window.seen.keys += /\/k\d+\.m4s$/.test(request.uris[0]) ? 1 : 0;
    });
    await player.attach(document.querySelector('video'));
    await player.load(url, null, 'application/x-mpegurl');
    await document.querySelector('video').play();
  }, url);
  const state = () => page.evaluate(() => ({ at: document.querySelector('video').currentTime, ...window.seen }));
  await until('a second of it', 30_000, async () => (await state()).at > 1);
  assert.equal((await state()).keys, 0, 'nobody winds yet');
  await page.evaluate(() => window.player.trickPlay(4));
  await until('key frames, and time that flies', 60_000, async () => {
    const { at, keys } = await state();
    return keys >= 3 && at > 12;
  });
  await page.evaluate(() => window.player.cancelTrickPlay());
  const { at } = await state();
  await until('it to play on', 30_000, async () => (await state()).at > at + 2);
  assert.deepEqual((await state()).errors, []);
});
