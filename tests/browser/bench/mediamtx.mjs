// MediaMTX as the peer: its defaults, on loopback.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { start } from '../programs.mjs';
import { answers, freePort } from './ports.mjs';

/** Starts it; `readyMs` is the time until both of its ports answer. */
export async function startMediamtx(path) {
  const [rtmp, hls] = [await freePort(), await freePort()];
  const config = join(mkdtempSync(join(tmpdir(), 'mediamtx-')), 'mediamtx.yml');
  const off = ['rtsp', 'webrtc', 'srt', 'moq'].map((name) => `${name}: no`).join('\n');
  writeFileSync(config, `${off}\nrtmpAddress: 127.0.0.1:${rtmp}\nhlsAddress: 127.0.0.1:${hls}\nhlsAlwaysRemux: yes\npaths:\n  all_others:\n`);
  const begun = performance.now();
  const process = start(path, [config]);
  while (!((await answers(rtmp)) && (await answers(hls)))) await sleep(1);
  return {
    readyMs: performance.now() - begun,
    pid: process.child.pid,
    publishUrl: `rtmp://127.0.0.1:${rtmp}/live/bench`,
    hlsUrl: `http://127.0.0.1:${hls}/live/bench/index.m3u8`,
    /** Of one of many. */
    urls: (n) => ({ publish: `rtmp://127.0.0.1:${rtmp}/live/bench-${n}`, hls: `http://127.0.0.1:${hls}/live/bench-${n}/index.m3u8` }),
    stop: () => process.stop(),
  };
}
