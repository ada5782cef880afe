// What viewers cost and how many hold: `sigma-probe swarm` against ours and, in the same run, against the peer. The publisher
// sends a pre-encoded file, so that an encoder takes no time from either side.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { built, publishFile, start, startServer, until } from '../programs.mjs';
import { quoted, report, round, withSteal } from './figures.mjs';
import { startMediamtx } from './mediamtx.mjs';

const HELD_S = 20;
const PART_MS = 200; // both servers' default
// Our targets: MediaMTX's 1.84 ms a viewer-second, a quarter of it; one part duration; 20 KB.
const TARGETS = { cpu_ms_per_viewer_s: 0.46, part_p99_ms: PART_MS, stalls: 0, kb_per_viewer: 20 };
/** Viewers tried one after another, until a number doesn't hold. */
const STEPS = [500, 1_000, 1_500, 2_000, 3_000, 4_000];

export async function swarm({ runs, peers: { mediamtx: peer }, viewers }) {
  const folder = mkdtempSync(join(tmpdir(), 'sigma-'));
  const clip = makeClip(folder);
  const [ours, theirs] = [[], []];
  // With one viewer: what the media in memory takes is no viewer's.
  const floor = (await onOurs(clip, 1)).peak_kb;
  const peerFloor = peer && (await onPeer(clip, peer, 1)).peak_kb;
  const perViewer = (run, least) => ({ ...run, kb_per_viewer: round((run.peak_kb - least) / viewers, 1) });
  for (let i = 0; i < runs; i++) {
    ours.push(perViewer(await withSteal(() => onOurs(clip, viewers)), floor));
    console.error(`run ${i + 1} of ${runs}: ${JSON.stringify(ours.at(-1))}`);
    if (peer) theirs.push(perViewer(await withSteal(() => onPeer(clip, peer, viewers)), peerFloor));
  }
  const steps = [];
  for (const count of STEPS) {
    steps.push(await withSteal(() => onOurs(clip, count)));
    console.log(`  ${count} viewers: ${JSON.stringify(steps.at(-1))}`);
    if (!steps.at(-1).held) break;
  }
  rmSync(folder, { recursive: true, force: true });
  const most = Math.max(0, ...steps.filter((step) => step.held && !step.void).map((step) => step.viewers));
  const result = report('swarm', ours, TARGETS, theirs);
  console.log(`  viewers that hold: ${most} (aim 2000)`);
  // Each run of ours beside the peer's: 1/4 is the target.
  const [own, other] = [quoted(ours, 'cpu_ms_per_viewer_s'), quoted(theirs, 'cpu_ms_per_viewer_s')];
  return { ...result, viewers_that_hold: most, steps, cpu_ratio: other ? round(own / other, 3) : 'not compared' };
}

/** 20 s at 1.5 Mbit/s: H.264 360p30 with a key frame a second, AAC. */
function makeClip(folder) {
  const clip = join(folder, 'clip.mp4');
  const rate = ['-b:v', '1372k', '-minrate', '1372k', '-maxrate', '1372k', '-bufsize', '700k', '-nal-hrd', 'cbr'];
  execFileSync('ffmpeg', [
    ...['-hide_banner', '-nostdin', '-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=30'],
    ...['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000', '-t', '20', '-c:v', 'libx264', '-preset', 'veryfast'],
    ...['-tune', 'zerolatency', '-g', '30', '-keyint_min', '30', '-sc_threshold', '0', ...rate, '-pix_fmt', 'yuv420p'],
    ...['-c:a', 'aac', '-b:a', '128k', '-ac', '2', clip],
  ]);
  return clip;
}

async function onOurs(clip, viewers) {
  const server = await startServer();
  const channel = await server.channel('Bench');
  try {
    return await load(clip, viewers, channel.publishUrl, channel.playback.hls_url, server.process.child.pid);
  } finally {
    await server.stop();
  }
}

async function onPeer(clip, path, viewers) {
  const server = await startMediamtx(path);
  try {
    return await load(clip, viewers, server.publishUrl, server.hlsUrl, server.pid);
  } finally {
    await server.stop();
  }
}

async function load(clip, viewers, publishUrl, hlsUrl, pid) {
  const publisher = publishFile(clip, publishUrl);
  await until('a playlist', 20_000, async () => (await fetch(hlsUrl).catch(() => null))?.ok);
  const ramp = Math.max(5, Math.ceil(viewers / 100));
  const args = ['swarm', hlsUrl, '--viewers', viewers, '--ramp', `${ramp}s`, '--for', `${HELD_S}s`, '--pid', pid, '--json'];
  const probe = start(built('sigma-probe'), args.map(String));
  const code = await probe.ended;
  await publisher.stop('SIGINT');
  if (code !== 0) throw new Error(`sigma-probe swarm ended with ${code}:\n${probe.log()}`);
  const figures = JSON.parse(await probe.line());
  const part_p99_ms = figures.part_ms?.p99 ?? Infinity;
  const held = figures.joined === viewers && figures.stalls === 0 && figures.failed === 0 && part_p99_ms <= PART_MS;
  return {
    viewers,
    held,
    stalls: figures.stalls,
    failed: figures.failed,
    part_p99_ms,
    join_p50_ms: figures.join_ms?.p50,
    latency_p50_ms: figures.latency_ms?.p50,
    cpu_ms_per_viewer_s: figures.server.cpu_ms_per_viewer_s,
    cpu_us_per_request: figures.server.cpu_us_per_request,
    peak_kb: round(figures.server.memory_peak_bytes / 1_000, 0),
    requests_per_s: figures.requests_per_s,
    mbit_per_s: figures.mbit_per_s,
    swarm_cpu_percent: figures.swarm_cpu_percent,
  };
}
