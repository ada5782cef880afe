// Stock players, as another site would embed them, play on while the publisher is silent, and when it is killed and another
// comes in its place: a slate stands in, and none of them has an error that ends it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openBrowser, openPage } from './browser.mjs';
import { names, stockPlayers } from './players.mjs';
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
    return { ...window.stats, at: video.currentTime, frames: video.getVideoPlaybackQuality().totalVideoFrames };
  });

/** A live channel with every player on it; `act(publisher, again)` makes the hole and gives the publisher that is left. */
async function through(title, settings, act) {
  const channel = await server.channel(title, settings);
  const url = channel.playback.hls_url;
  const publish = () => publishFile(file, channel.publishUrl);
  let publisher = publish();
  const pages = [];
  try {
    await until('a playlist', 15_000, async () => (await fetch(url)).ok);
    for (const name of names) pages.push({ name, page: await openPage(browser, players.url(url, name)) });
    for (const { name, page } of pages) {
      await until(`${name} to play`, 20_000, async () => (await look(page)).at > 1).catch(async (error) => {
        throw new Error(`${error.message}: ${JSON.stringify(await look(page))}\n${server.log()}`);
      });
    }
    const before = await Promise.all(pages.map(({ page }) => look(page)));
    publisher = await act(publisher, publish, async () => {
      // While the slate is shown, the picture does not move, but time does.
      const first = await Promise.all(pages.map(({ page }) => look(page)));
      await sleep(2_000);
      const then = await Promise.all(pages.map(({ page }) => look(page)));
      pages.forEach(({ name }, i) => {
        const played = then[i].at - first[i].at;
        assert.ok(played > 1, `${name} played ${played} s of 2 s of slate: ${JSON.stringify(then[i])}`);
      });
    });
    // Back: each plays on, pictures again.
    await sleep(3_000);
    const back = await Promise.all(pages.map(({ page }) => look(page)));
    await sleep(3_000);
    for (const [i, { name, page }] of pages.entries()) {
      const now = await look(page);
      const [played, frames] = [now.at - back[i].at, now.frames - back[i].frames];
      assert.ok(played > 2 && frames > 45, `${name} played ${played} s and ${frames} frames of the last 3 s: ${JSON.stringify(now)}`);
      assert.deepEqual(now.fatal, [], name);
      assert.ok(now.at > before[i].at, name);
      console.log(`${title}: ${name}: ${now.stalls} stalls, ${now.errors.length} errors that it lived with ${[...new Set(now.errors)]}`);
    }
  } finally {
    await Promise.all(pages.map(({ page }) => page.context().close()));
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

test('a hole of ten seconds', () => through('10 s', {}, hole(10)));
for (const seconds of [1, 5]) {
  test(`a publisher back after ${seconds} s`, () => through(`back after ${seconds} s`, {}, killed(seconds)));
}
test('a hole of half a minute', { skip: !long }, () => through('30 s', { reconnect_window_s: 60 }, hole(30)));
test('a publisher back after 25 s', { skip: !long }, () => through('back after 25 s', {}, killed(25)));
test('a hole of five minutes', { skip: !long, timeout: 400_000 }, () => through('5 min', { reconnect_window_s: 360 }, hole(300)));
