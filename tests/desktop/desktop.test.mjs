// The desktop window, driven by WebDriver, with the real programs behind it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { built, startServer, until } from '../browser/programs.mjs';
import { openWindow } from './window.mjs';

const linux = { skip: process.platform !== 'linux' && 'no other system has a WebDriver for its web view' };
const output = join(built('.'), '..', 'test-output');
mkdirSync(output, { recursive: true });

/** A test with a window; where it fails, the message has what the window shows and its log. */
const windowTest = (name, settings, body) =>
  test(name, linux, async (t) => {
    const window = await openWindow(await settings(t));
    try {
      await body(window, t);
    } catch (error) {
      throw new Error(`${error.message}\n${await window.report()}`, { cause: error });
    } finally {
      await window.remove();
    }
  });

async function createChannel(window, name) {
  await window.click('new-channel');
  await window.type('channel-name', name);
  await window.click('create');
  await until('the channel in the list', 15_000, async () => (await window.text('channels'))?.includes(name));
}

async function goLive(window) {
  await window.type('source-choice', 'testcard');
  await window.click('go-live');
  await window.attributeIs('broadcast', 'data-phase', 'live');
}

const position = (window) => window.evaluate(() => document.querySelector('video')?.currentTime ?? 0);

/** The player is live and its picture goes on. */
async function plays(window) {
  await window.attributeIs('player', 'data-state', 'live', 20_000);
  const first = await position(window);
  await until('two seconds of picture', 20_000, async () => (await position(window)) > first + 2);
}

windowTest('the first run: from an empty folder to live and to a recording', () => ({}), async (window) => {
  await createChannel(window, 'Studio');
  await goLive(window);
  await plays(window);

  const onAir = () => window.text('broadcast-stats');
  const first = await until('the figures', 15_000, onAir);
  await until(`other figures than ${first}`, 15_000, async () => (await onAir()) !== first);
  await until('some frames a second', 20_000, async () => parseInt(await window.text('stat-fps'), 10) >= 25);
  await window.attributeIs('channel', 'data-status', 'active');
  await window.screenshot(join(output, 'desktop-live.png'));

  await window.click('end-broadcast');
  assert.equal(await window.attribute('broadcast', 'data-phase'), 'live', 'it asks before it ends');
  await window.click('confirm');
  await window.attributeIs('broadcast', 'data-phase', 'stopped');
  await window.attributeIs('session', 'data-status', 'ended');
  assert.deepEqual(window.running('sigma-broadcast'), []);

  const link = await until('a recording', 20_000, () => window.attribute('recording', 'href'));
  await readsWhole(link);

  await window.close();
  await until('the end of every program of the window', 20_000, () =>
    ['sigma-live', 'sigma-server', 'sigma-broadcast'].every((name) => window.running(name).length === 0),
  );
});

/** ffprobe decodes all of a recording and has nothing to say against it. */
async function readsWhole(link) {
  const response = await fetch(link);
  assert.equal(response.status, 200, `${link} is to be downloaded`);
  const file = join(output, 'desktop-recording.mp4');
  writeFileSync(file, Buffer.from(await response.arrayBuffer()));
  const fields = 'stream=codec_type,nb_read_frames:format=duration';
  const probe = spawnSync('ffprobe', ['-v', 'warning', '-count_frames', '-show_entries', fields, '-of', 'json', file], { encoding: 'utf8' });
  assert.equal(probe.status, 0, `ffprobe: ${probe.error ?? probe.stderr}`);
  assert.equal(probe.stderr, '', 'ffprobe reads it without a warning');
  const { streams, format } = JSON.parse(probe.stdout);
  const frames = Object.fromEntries(streams.map((stream) => [stream.codec_type, Number(stream.nb_read_frames)]));
  assert.ok(Number(format.duration) > 2, `it is ${format.duration} s long`);
  assert.ok(frames.video > 50 && frames.audio > 50, `it has ${JSON.stringify(frames)} frames`);
  rmSync(file);
}

windowTest('closing the window while live asks first, then ends everything', () => ({}), async (window) => {
  await createChannel(window, 'Studio');
  await goLive(window);
  await window.close();
  await until('the question', 15_000, () => window.text('confirm'));
  assert.equal(await window.attribute('broadcast', 'data-phase'), 'live');
  await window.click('confirm').catch(() => {}); // the page may be gone before it answers
  await until('the end of every program of the window', 20_000, () =>
    ['sigma-live', 'sigma-server', 'sigma-broadcast'].every((name) => window.running(name).length === 0),
  );
});

let server;
windowTest(
  'a given server: live by itself, and a window that is killed leaves nothing behind',
  async (t) => {
    server = await startServer();
    t.after(() => server.stop());
    return { SIGMA_SERVER_URL: server.http, SIGMA_TOKEN: server.admin_token, SIGMA_GO_LIVE: 'testcard' };
  },
  async (window) => {
    await window.attributeIs('broadcast', 'data-phase', 'live');
    await plays(window);
    assert.deepEqual(window.running('sigma-server'), [], 'a given server is not started a second time');
    assert.equal(window.running('sigma-broadcast').length, 1);

    window.kill('sigma-live');
    await until('the end of the broadcaster', 20_000, () => window.running('sigma-broadcast').length === 0);
    const over = async () => {
      const [channel] = (await server.api('GET', '/channels')).data;
      const sessions = (await server.api('GET', `/channels/${channel.id}/sessions`)).data;
      return sessions.length === 1 && ['ended', 'error'].includes(sessions[0].status);
    };
    await until('the end of the session', 15_000, over).catch((error) => {
      throw new Error(`${error.message}\n--- the server's log:\n${server.log()}`);
    });
  },
);

windowTest('an engine that dies while live: the window says so, and goes live again', () => ({}), async (window) => {
  await createChannel(window, 'Studio');
  await goLive(window);
  window.kill('sigma-broadcast');
  await window.attributeIs('broadcast', 'data-phase', 'failed', 15_000);
  // A person is slower than the news that the session has lost its publisher.
  await window.attributeIs('session', 'data-status', 'error');
  const said = await window.text('broadcast-state');
  assert.match(said, /fault/, said);
  assert.match(said, /sigma-broadcast/, said);

  await goLive(window);
  await plays(window);
});
