// A server with so much of the past: its start, its memory, and what its answers cost.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { built, startServer, until } from '../programs.mjs';
import { behind } from './edge.mjs';
import { round } from './figures.mjs';
import { cpuMs, memoryKib, watch } from './processes.mjs';
import { publish } from './publishers.mjs';

/** Of each kind of request. */
const REQUESTS = 1_500;

export async function past(clip, name, window, seconds) {
  const data = mkdtempSync(join(tmpdir(), 'sigma-'));
  try {
    const channel = await prepared(clip, data, window);
    const begun = performance.now();
    const server = await startServer(data);
    const multivariant = `${server.http}/live/${channel.playback.id}/index.m3u8`;
    while (!(await fetch(multivariant)).ok) await sleep(2);
    const back_ms = performance.now() - begun;
    const pid = server.process.child.pid;
    const sending = await publish(clip, [`${server.rtmp}/live/${channel.stream_key}`]);
    await until('a playlist that goes on', 20_000, async () => ((await behind(multivariant)) ?? Infinity) < 2);
    await sleep(2_000);
    const { cpu_percent } = await watch([pid], seconds);
    const memory = memoryKib(pid);
    const answers = await costs(pid, multivariant, cpu_percent);
    await sending.stop();
    await server.stop();
    return { window: name, segments: answers.segments, 'back ms': round(back_ms, 0), 'own MiB': round(memory.own / 1_024, 2), 'CPU %': cpu_percent, ...answers.costs };
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

/** A session as a server that stopped left it, with so much of the past. */
async function prepared(clip, data, window) {
  const server = await startServer(data);
  const settings = { dvr_window_s: Math.max(30, window), reconnect_window_s: 3_600 };
  const channel = await server.channel('Bench', settings);
  const sending = await publish(clip, [channel.publishUrl]);
  await until('a playlist', 20_000, async () => (await behind(channel.playback.hls_url)) !== null);
  await server.stop(); // it keeps the session for its publisher
  await sending.stop();
  const [session] = readdirSync(join(data, 'sessions'));
  execFileSync(built('examples/journal'), [clip, join(data, 'sessions', session), String(window)]);
  return channel;
}

/** Server CPU time for each kind of answer, in us, less what the publisher takes meanwhile. */
async function costs(pid, multivariantUrl, idlePercent) {
  const multivariant = await (await fetch(multivariantUrl)).text();
  const media = new URL(multivariant.split('\n').find((line, i, all) => all[i - 1]?.startsWith('#EXT-X-STREAM-INF')), multivariantUrl);
  const [live, dvr] = [media.pathname, media.pathname.replace(/media\.m3u8$/, 'dvr.m3u8')].map((path) => new URL(path, multivariantUrl).href);
  const whole = await (await fetch(dvr)).text();
  const segments = whole.split('\n').filter((line) => line && !line.startsWith('#'));
  const anywhere = () => new URL(segments[Math.floor(Math.random() * segments.length)], dvr).href;

  const random = Array.from({ length: REQUESTS }, () => new URL(segments[Math.floor(Math.random() * segments.length)], dvr).href);
  const kinds = {
    'live delta': () => `${live}?_HLS_skip=YES`,
    'dvr delta': () => `${dvr}?_HLS_skip=YES`,
    'live whole': () => live,
    'dvr whole': () => dvr,
    'past segment': (n) => random[n],
    'past segment again': (n) => random[n],
  };
  for (let n = 0; n < REQUESTS; n++) await get(live); // both sides are warm
  const costs = {};
  for (const [kind, url] of Object.entries(kinds)) {
    const [before, begun] = [cpuMs(pid), performance.now()];
    let bytes = 0;
    for (let n = 0; n < REQUESTS; n++) bytes += await get(url(n));
    const publisher_ms = ((performance.now() - begun) * idlePercent) / 100;
    costs[`${kind}, us`] = round(Math.max(0, (1_000 * (cpuMs(pid) - before - publisher_ms)) / REQUESTS), 0);
    if (kind !== 'past segment again') costs[`${kind}, KiB`] = round(bytes / REQUESTS / 1_024, 1);
  }
  return { segments: segments.length, costs };
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/** The bytes of the body as sent: gzipped where that applies. */
const get = (url) =>
  new Promise((done, failed) => {
    const asked = request(url, { agent, headers: { 'accept-encoding': 'gzip' } }, (answer) => {
      let bytes = 0;
      answer.on('data', (chunk) => (bytes += chunk.length));
      answer.on('end', () => (answer.statusCode === 200 ? done(bytes) : failed(new Error(`${answer.statusCode} ${url}`))));
    });
    asked.on('error', failed).end();
  });
