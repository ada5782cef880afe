import { flushSync, mount, unmount } from 'svelte';
import { afterEach, expect, test, vi } from 'vitest';
import type { Engine } from './engine';
import Player from './Player.svelte';

const opened = vi.hoisted(() => ({ count: 0 }));

vi.mock('./engine', () => ({
  open: (): Engine => {
    opened.count += 1;
    return { load: vi.fn(), unload: vi.fn(), latency: () => null, destroy: vi.fn() };
  },
}));

afterEach(() => vi.unstubAllGlobals());

test('a parent that is drawn again doesn’t begin another viewing; another channel does', async () => {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response('', { status: 404 })));
  let channel = $state.raw({ playback: { id: 'pb_1' } });
  const player = mount(Player, {
    target: document.body,
    props: {
      get playbackId() {
        return channel.playback.id;
      },
    },
  });
  flushSync();
  expect(opened.count).toBe(1);
  channel = { playback: { id: 'pb_1' } };
  flushSync();
  expect(opened.count).toBe(1);
  channel = { playback: { id: 'pb_2' } };
  flushSync();
  expect(opened.count).toBe(2);
  await unmount(player);
});
