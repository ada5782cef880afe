// Stock players, as another site would embed them, each play on while the publisher is silent, and when it is killed and another
// comes in its place: a slate stands in, and none of them has an error that ends it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openBrowser, openPage } from './browser.mjs';
import { stockPlayers } from './players.mjs';
import { fixture, publishFile, startServer, until } from './programs.mjs';

const long = Boolean(process.env.SIGMA_TEST_LONG);
const file = fixture('bframes-48k-stereo');

let browser, server, players;
before(async () => {
  [browser, server, players] = await Promise.all([openBrowser(), startServer(), stockPlayers()]);
});
after(async () => {
  players?.close();
  await browser?.close();
  await server?.stop();
});

const look = (page) =>
  page.evaluate(() => {
    const video = document.querySelector('video');
    const buffered = Array.from({ length: video.buffered.length }, (_, i) => [video.buffered.start(i), video.buffered.end(i)]);
    return { ...window.stats, at: video.currentTime, frames: video.getVideoPlaybackQuality().totalVideoFrames, buffered, ready: video.readyState };
  });

/** Time and pictures go on: by so many seconds and frames, however slow this machine is at them. */
const goesOn = async (name, page, seconds, frames) => {
  const from = await look(page);
  await until(`${name} to play on`, 20_000, async () => {
    const now = await look(page);
    return now.at > from.at + seconds && now.frames >= from.frames + frames;
  }).catch(async (error) => {
    throw new Error(`${error.message}: ${JSON.stringify(from)}, then ${JSON.stringify(await look(page))}`);
  });
};

/** A live channel with a player on it; `act` makes the hole and gives the publisher that is left. */
async function through(title, name, settings, act) {
  const channel = await server.channel(title, settings);
  const url = channel.playback.hls_url;
  const publish = () => publishFile(file, channel.publishUrl);
  let publisher = publish();
  const page = await openPage(browser, 'about:blank');
  try {
    await until('a playlist', 15_000, async () => (await fetch(url)).ok);
    await page.goto(players.url(url, name));
    await goesOn(name, page, 1, 10);
    publisher = await act(publisher, publish, () => goesOn(name, page, 2, 0));
    await goesOn(name, page, 3, 45);
    const { stalls, errors, fatal } = await look(page);
    assert.deepEqual(fatal, []);
    console.log(`${title}: ${name}: ${stalls} stalls; lived with ${errors.length} errors: ${[...new Set(errors)]}`);
  } finally {
    await page.context().close();
    publisher.child.kill('SIGCONT');
    await publisher.stop('SIGKILL');
  }
}

const hole = (seconds) => async (publisher, _, check) => {
  publisher.child.kill('SIGSTOP');
  await sleep(4_000);
  await check();
  await sleep((seconds - 6) * 1_000);
  publisher.child.kill('SIGCONT');
  return publisher;
};

const killed = (seconds) => async (publisher, again) => {
  await publisher.stop('SIGKILL');
  await sleep(seconds * 1_000);
  return again();
};

/** The tests of one player: each has a file, for a file has two minutes. */
export function playsThroughHoles(name) {
  test(`${name}: a hole of ten seconds`, () => through('10 s', name, {}, hole(10)));
  for (const seconds of [1, 5]) {
    test(`${name}: a publisher back after ${seconds} s`, () => through(`back after ${seconds} s`, name, {}, killed(seconds)));
  }
  test(`${name}: a hole of half a minute`, { skip: !long }, () => through('30 s', name, { reconnect_window_s: 60 }, hole(30)));
  test(`${name}: a publisher back after 25 s`, { skip: !long }, () => through('back after 25 s', name, {}, killed(25)));
  const minutes = { skip: !long, timeout: 400_000 };
  test(`${name}: a hole of five minutes`, minutes, () => through('5 min', name, { reconnect_window_s: 360 }, hole(300)));
}
