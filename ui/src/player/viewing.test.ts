import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Engine, Tell } from './engine';
import { Viewing } from './viewing.svelte';

// The player stands still here: what it is told to load is written down, what it says is said by the test.
const engine = vi.hoisted(() => ({ loaded: [] as string[], tell: (() => undefined) as Tell, closed: false }));

vi.mock('./engine', () => ({
  open: (_video: HTMLVideoElement, tell: Tell): Engine => {
    engine.tell = tell;
    return {
      load: (url) => void engine.loaded.push(url),
      unload: () => void engine.loaded.push('-'),
      latency: () => 1234.4,
      destroy: () => void (engine.closed = true),
    };
  },
}));

let session: string | null = null;
let asked = 0;
let viewing: Viewing | undefined;

beforeEach(() => {
  vi.useFakeTimers();
  session = null;
  asked = 0;
  Object.assign(engine, { loaded: [], closed: false });
  vi.stubGlobal('fetch', () => {
    asked += 1;
    return Promise.resolve(
      session
        ? new Response(`#EXTM3U\n${session}/video/media.m3u8\n`)
        : new Response('{"code":"not_live"}', { status: 404 }),
    );
  });
});

afterEach(() => {
  viewing?.close();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const open = (recording: string | null = null, token: string | null = null) =>
  (viewing = new Viewing(
    { base: 'http://s', playbackId: 'pb_1', recording, token },
    document.createElement('video'),
  ));
const LIVE = 'http://s/live/pb_1/index.m3u8';

test('waits for a session, plays it, sees its end and the next one, without a reload', async () => {
  const page = open();
  await vi.advanceTimersByTimeAsync(1200);
  expect(page.state.name).toBe('offline');
  expect(engine.loaded).toEqual([]);

  session = 'ses_a';
  await vi.advanceTimersByTimeAsync(500);
  expect(page.state).toEqual({ name: 'joining', session: 'ses_a' });
  engine.tell({ type: 'playing' });
  await vi.advanceTimersByTimeAsync(300);
  expect(page.state.name).toBe('live');
  expect(page.latency).toBe(1234);

  const before = asked;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked, 'a playing page leaves the server alone').toBe(before);

  engine.tell({ type: 'ended' });
  await vi.advanceTimersByTimeAsync(2000);
  expect(page.state, 'the old session is not the next one').toEqual({ name: 'ended', session: 'ses_a' });
  expect(page.latency).toBeNull();

  session = 'ses_b';
  await vi.advanceTimersByTimeAsync(600);
  expect(page.state).toEqual({ name: 'joining', session: 'ses_b' });
  expect(engine.loaded).toEqual([LIVE, LIVE]);
});

test('begins with a recording where it was asked to, and offers the live session', async () => {
  const page = open('ses_old');
  expect(engine.loaded).toEqual(['http://s/vod/ses_old/index.m3u8']);
  session = 'ses_new';
  await vi.advanceTimersByTimeAsync(600);
  expect(page.state).toEqual({ name: 'replay', session: 'ses_old', next: 'ses_new' });
  page.tell({ type: 'goLive' });
  expect(engine.loaded.at(-1)).toBe(LIVE);
});

test('asks ever more rarely while nobody is live', async () => {
  open();
  await vi.advanceTimersByTimeAsync(60_000);
  const firstMinute = asked;
  await vi.advanceTimersByTimeAsync(540_000);
  asked = 0;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(firstMinute).toBeGreaterThan(100);
  expect(asked).toBeLessThanOrEqual(20);
});

test('lets go of everything', async () => {
  const page = open();
  page.close();
  const before = asked;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked).toBe(before);
  expect(engine.closed).toBe(true);
  viewing = undefined;
});

test('takes the token to the playlist and to the recording', async () => {
  session = 'ses_a~secret';
  const page = open(null, 'a.b');
  await vi.advanceTimersByTimeAsync(50);
  page.close();
  open('ses_old', 'a.b');
  expect(engine.loaded).toEqual([`${LIVE}?token=a.b`, 'http://s/vod/ses_old/index.m3u8?token=a.b']);
});
