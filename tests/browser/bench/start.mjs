// From nothing to a picture: the server's start, its memory when idle, the first playlist, the first frame.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openBrowser, openPage } from '../browser.mjs';
import { built, start as launch, until } from '../programs.mjs';
import { report, round, withSteal } from './figures.mjs';
import { startMediamtx } from './mediamtx.mjs';
import { stockPlayers } from '../players.mjs';

const TARGETS = { ready_ms: 50, idle_mib: 30, playlist_s: 1.5, first_frame_s: 2.0 };

export async function start({ runs, peers: { mediamtx: peer } }) {
  const player = await stockPlayers();
  const browser = await openBrowser();
  const data = mkdtempSync(join(tmpdir(), 'sigma-'));
  await (await startOurs(data)).stop(); // so that the data folder exists
  const [ours, theirs] = [[], []];
  for (let i = 0; i < runs; i++) {
    ours.push(await withSteal(() => onOurs(browser, data)));
    if (peer) theirs.push(await withSteal(() => onPeer(browser, player, peer)));
  }
  await browser.close();
  player.close();
  rmSync(data, { recursive: true, force: true });
  return report('start', ours, TARGETS, theirs);
}

async function startOurs(data) {
  const begun = performance.now();
  const server = launch(built('sigma-server'), ['--data-dir', data, '--http', '127.0.0.1:0', '--rtmp', '127.0.0.1:0', '--ready-json']);
  const ready = JSON.parse(await server.line());
  return { ...ready, readyMs: performance.now() - begun, pid: server.child.pid, stop: () => server.stop() };
}

async function onOurs(browser, data) {
  const server = await startOurs(data);
  await sleep(1_000);
  const idle = residentMib(server.pid);
  const response = await fetch(`${server.http}/api/v1/channels`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.admin_token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'Bench' }),
  });
  const channel = await response.json();
  const result = await publishAndWatch(browser, `${server.rtmp}/live/${channel.stream_key}`, channel.playback.hls_url, `${server.http}/watch/${channel.playback.id}`);
  await server.stop();
  return { ready_ms: round(server.readyMs, 1), idle_mib: idle, ...result };
}

async function onPeer(browser, player, path) {
  const server = await startMediamtx(path);
  await sleep(1_000);
  const idle = residentMib(server.pid);
  const result = await publishAndWatch(browser, server.publishUrl, server.hlsUrl, player.url(server.hlsUrl));
  await server.stop();
  return { ready_ms: round(server.readyMs, 1), idle_mib: idle, ...result };
}

/** The page waits already when the publisher starts, as viewers of an announced show do. */
async function publishAndWatch(browser, publishUrl, hlsUrl, watchUrl) {
  const page = await openPage(browser, watchUrl);
  await page.evaluate(() => {
    const look = () => {
      const video = document.querySelector('video');
      if (!video) return setTimeout(look, 20);
      video.requestVideoFrameCallback(() => (window.firstFrame = Date.now()));
    };
    look();
  });
  await sleep(1_500);
  const begun = Date.now();
  const publisher = launch('ffmpeg', [
    ...['-hide_banner', '-nostdin', '-v', 'error', '-re', '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=30'],
    ...['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000', '-c:v', 'libx264', '-preset', 'veryfast', '-tune', 'zerolatency'],
    ...['-g', '30', '-b:v', '1M', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-f', 'flv', publishUrl],
  ]);
  const playlist = await until('a playlist', 20_000, async () => {
    const answer = await fetch(hlsUrl).catch(() => null);
    return answer?.ok && (await answer.text()).includes('#EXT-X-STREAM-INF') && Date.now();
  });
  const first = await until('a first frame', 20_000, () => page.evaluate(() => window.firstFrame));
  await page.context().close();
  await publisher.stop('SIGINT');
  return { playlist_s: round((playlist - begun) / 1_000), first_frame_s: round((first - begun) / 1_000) };
}

function residentMib(pid) {
  const line = readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+) kB/);
  return round(Number(line[1]) / 1_024, 1);
}
