// The watch page in Chromium plays what ffmpeg and our broadcaster publish: the picture moves, the sound is there, and they
// belong together.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openBrowser, openPage } from './browser.mjs';
import { install, listen, median, offsets } from './card.mjs';
import { fixture, publishCard, publishFile, publishGStreamer, startServer, until } from './programs.mjs';

let browser, server;
before(async () => {
  [browser, server] = await Promise.all([openBrowser(), startServer()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const state = (page) => page.locator('[data-state]').first().getAttribute('data-state');
const playing = (page) =>
  until('a playing page', 15_000, async () => (await state(page)) === 'live' && page.evaluate(() => document.querySelector('video')?.currentTime > 0));

/** What the card said once enough flashes and beeps were seen at an even pace. */
async function inTime(page) {
  const enough = async () => {
    const card = await page.evaluate(() => window.card);
    return offsets(card).length >= 5 && card;
  };
  const card = await until('five flashes with their beeps', 30_000, enough);
  const apart = offsets(card);
  assert.ok(Math.abs(median(apart)) < 45, `picture and sound are ${apart.map(Math.round)} ms apart`);
  return card;
}

for (const [name, has] of Object.entries({
  'bframes-48k-stereo': { video: true, audio: true },
  'plain-44k-mono': { video: true, audio: true },
  'video-only': { video: true },
  'audio-only': { audio: true },
})) {
  test(`plays ${name} from ffmpeg`, async () => {
    const channel = await server.channel(name);
    const publisher = publishFile(fixture(name), channel.publishUrl);
    const page = await openPage(browser, channel.watchUrl);
    try {
      await playing(page).catch(async (error) => {
        throw new Error(`${error.message}; the page is ${await state(page)}\n${publisher.log()}\n${server.log()}`);
      });
      await page.evaluate(install);
      await page.evaluate(listen);
      await sleep(5_000);
      const card = await page.evaluate(() => window.card);
      if (has.video) {
        assert.ok(card.frames.length > 100, `${card.frames.length} frames read in 5 s`);
        const steps = card.frames.slice(1).map((f, i) => f.frame - card.frames[i].frame);
        assert.ok(steps.filter((s) => s > 0).length > 100, `the frame number rises: ${steps}`);
      }
      if (has.audio) assert.ok(card.loud > 0.05, `the loudest sample is ${card.loud}`);
      if (has.audio && has.video) await inTime(page);
      assert.deepEqual(page.errors, []);
    } finally {
      await page.context().close();
      await publisher.stop('SIGINT');
    }
  });
}

test('a player that has lost its way as it joins begins anew', async () => {
  const channel = await server.channel('lost');
  const publisher = publishFile(fixture('bframes-48k-stereo'), channel.publishUrl);
  const page = await openPage(browser, 'about:blank');
  try {
    await until('a playlist', 15_000, async () => (await fetch(channel.playback.hls_url)).ok);
    // The first player's buffers swallow what they are given, and never say so.
    await page.addInitScript(() => {
      const add = MediaSource.prototype.addSourceBuffer;
      let first;
      MediaSource.prototype.addSourceBuffer = function (type) {
        first ??= this;
        const buffer = add.call(this, type);
        if (this === first) buffer.appendBuffer = () => {};
        return buffer;
      };
    });
    await page.goto(channel.watchUrl);
    await until('a page that joins', 5_000, async () => (await state(page)) === 'joining');
    await playing(page);
    assert.deepEqual(page.errors, []);
  } finally {
    await page.context().close();
    await publisher.stop('SIGINT');
  }
});

test('plays what GStreamer publishes', async () => {
  const channel = await server.channel('GStreamer');
  const publisher = publishGStreamer(channel.publishUrl);
  const page = await openPage(browser, channel.watchUrl);
  try {
    await playing(page).catch((error) => {
      throw new Error(`${error.message}\n${publisher.log()}\n${server.log()}`);
    });
    await page.evaluate(install);
    await page.evaluate(listen);
    const shown = () => page.evaluate(() => document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames);
    const before = await shown();
    await sleep(3_000);
    const frames = (await shown()) - before;
    assert.ok(frames > 60, `${frames} frames in 3 s`);
    assert.ok((await page.evaluate(() => window.card.loud)) > 0.05, 'no sound');
  } finally {
    await page.context().close();
    await publisher.stop('SIGINT');
  }
});

test('our broadcaster: in time, near the edge, and the page says how near', async () => {
  const channel = await server.channel('Card');
  const publisher = publishCard(channel, server.rtmp, '--size', '640x360', '--bitrate', '1000');
  const page = await openPage(browser, channel.watchUrl);
  try {
    await playing(page).catch((error) => {
      throw new Error(`${error.message}\n${publisher.log()}\n${server.log()}`);
    });
    await page.evaluate(install);
    await page.evaluate(listen);
    const card = await inTime(page);
    const latency = median(card.frames.slice(-60).map((f) => f.latencyMs));
    assert.ok(latency > 100 && latency < 4_000, `glass to glass ${latency} ms`);
    const shown = Number(await page.locator('[data-latency-ms]').first().getAttribute('data-latency-ms'));
    assert.ok(Math.abs(shown - latency) < 700, `the page says ${shown} ms, the picture ${latency} ms`);
  } finally {
    await page.context().close();
    await publisher.stop('SIGINT');
  }
});

test('an offline channel, a show, its end and the next show, without a reload', async () => {
  const channel = await server.channel('Coming and going');
  const page = await openPage(browser, channel.watchUrl);
  assert.equal(await until('offline', 5_000, async () => (await state(page)) === 'offline' && 'offline'), 'offline');
  for (const round of [1, 2]) {
    const publisher = publishFile(fixture('bframes-48k-stereo'), channel.publishUrl);
    await playing(page).catch((error) => {
      throw new Error(`round ${round}: ${error.message}\n${server.log()}`);
    });
    await publisher.stop('SIGINT');
    await until(`the end of round ${round}`, 15_000, async () => ['ended', 'offline'].includes(await state(page))).catch(async (error) => {
      const video = await page.evaluate(() => { const v = document.querySelector('video'); return { at: v.currentTime, ended: v.ended, paused: v.paused, ready: v.readyState, ranges: Array.from({ length: v.buffered.length }, (_, i) => [v.buffered.start(i), v.buffered.end(i)]) }; });
      throw new Error(`${error.message}: the page is ${await state(page)} at ${JSON.stringify(video)}\n${server.log()}`);
    });
  }
  assert.deepEqual(page.errors, []);
  await page.context().close();
});
