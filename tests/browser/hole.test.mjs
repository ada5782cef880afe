// Stock players, as another site would embed them, each play on while the publisher is silent, and when it is killed and another
// comes in its place: a slate stands in, and none of them has an error that ends it. All of them watch the same show.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openBrowser, openPage } from './browser.mjs';
import { names, stockPlayers } from './players.mjs';
import { fixture, publishFile, startServer, until } from './programs.mjs';

const long = Boolean(process.env.SIGMA_TEST_LONG);
const file = fixture('bframes-48k-stereo');

// On a machine with too much to do video.js may stop where a slate ends: left to the long run.
const watching = names.filter((name) => long || name !== 'video.js');

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
    const { errors, fatal, waits } = window.stats;
    const frames = video.getVideoPlaybackQuality().totalVideoFrames;
    return { errors, fatal, waits, at: video.currentTime, frames, buffered, ready: video.readyState };
  });

/** A live channel with all the players on it; `act` gets a way to publish and one to see that all of them play on. */
async function watched(title, settings, act) {
  const channel = await server.channel(title, settings);
  const session = async () => (await server.api('GET', `/channels/${channel.id}/sessions`)).data[0];
  let publisher;
  const show = {
    session,
    get publisher() {
      return publisher;
    },
    publish: () => (publisher = publishFile(file, channel.publishUrl)),
  };
  show.publish();
  const pages = [];
  try {
    await until('a playlist', 15_000, async () => (await fetch(channel.playback.hls_url)).ok);
    for (const name of watching) {
      const page = await openPage(browser, 'about:blank');
      await page.goto(players.url(channel.playback.hls_url, name));
      pages.push([name, page]);
    }
    /** Time and pictures go on: by so many seconds and frames, however slow this machine is at them. */
    show.goesOn = async (what, seconds, frames) => {
      const one = async ([name, page]) => {
        const from = await look(page);
        const on = ({ at, frames: seen }) => at > from.at + seconds && seen >= from.frames + frames;
        await until(`${name} to play on`, 25_000, async () => on(await look(page))).catch(async (error) => {
          throw new Error(`${what}: ${error.message}: ${JSON.stringify(from)}, then ${JSON.stringify(await look(page))}`);
        });
      };
      const done = await Promise.allSettled(pages.map(one));
      assert.deepEqual(done.flatMap(({ reason }) => reason?.message ?? []), []);
    };
    await show.goesOn('at first', 1, 10);
    const first = await session();
    await act(show);
    assert.equal((await session()).id, first.id, 'the session goes on');
    for (const [name, page] of pages) {
      const { waits, errors, fatal } = await look(page);
      assert.deepEqual(fatal, [], name);
      console.log(`${title}: ${name}: ${waits.length} waits; lived with ${errors.length} errors: ${[...new Set(errors)]}`);
    }
  } finally {
    await Promise.all(pages.map(([, page]) => page.context().close()));
    publisher.child.kill('SIGCONT');
    await publisher.stop('SIGKILL');
  }
}

/** `givenUp`: the server has closed the connection by then, and the publisher comes anew. */
const silent = (seconds, givenUp = false) => async (show) => {
  show.publisher.child.kill('SIGSTOP');
  const end = Date.now() + seconds * 1_000;
  await sleep(4_000);
  assert.equal((await show.session()).status, 'error');
  await show.goesOn('on the slate', 2, 10);
  await sleep(end - 3_000 - Date.now());
  await show.goesOn('at the slate\'s end', 1, 10);
  await sleep(end - Date.now());
  if (givenUp) {
    await show.publisher.stop('SIGKILL');
    show.publish();
  } else {
    show.publisher.child.kill('SIGCONT');
  }
  await until('the session to be live', 8_000, async () => (await show.session()).status === 'live');
  await show.goesOn('after the slate', 4, 60);
};

test('half a minute of silence', { timeout: 120_000 }, () => watched('silence', { reconnect_window_s: 60 }, silent(30)));

test('killed, and another in its place after seconds', { timeout: 150_000 }, () =>
  watched('killed', {}, async (show) => {
    for (const seconds of long ? [1, 5, 25] : [1, 5]) {
      await show.publisher.stop('SIGKILL');
      const killed = Date.now();
      await sleep(seconds * 1_000 - 500);
      // The window of 30 s is open, and nobody is there.
      assert.equal((await show.session()).status, 'error');
      await sleep(killed + seconds * 1_000 - Date.now());
      show.publish();
      await until('the session to be live', 4_500, async () => (await show.session()).status === 'live');
      assert.ok(Date.now() - killed >= seconds * 1_000);
      await show.goesOn(`back after ${seconds} s`, 4, 60);
    }
  }),
);

test('five minutes of silence', { skip: !long, timeout: 420_000 }, () => watched('5 min', { reconnect_window_s: 360 }, silent(300, true)));
