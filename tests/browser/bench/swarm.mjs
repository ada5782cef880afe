// What viewers cost and how many hold: `sigma-probe swarm` against ours and, in the same run, against the peer and against
// nginx, which serves the same answers as files. The publisher sends a pre-encoded file, so that an encoder takes no time from
// either side.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { built, PLAIN, publishFile, start, startServer, until } from '../programs.mjs';
import { quoted, report, round, withSteal } from './figures.mjs';
import { startMediamtx } from './mediamtx.mjs';
import { nginxVersion, startNginx } from './nginx.mjs';

const HELD_S = 20;
const PART_MS = 200; // both servers' default
// Our targets: MediaMTX's 1.84 ms a viewer-second, a quarter of it; one part duration; 20 KB; half more than nginx.
const TARGETS = { cpu_ms_per_viewer_s: 0.46, part_p99_ms: PART_MS, stalls: 0, kb_per_viewer: 20, ratio_to_nginx: 1.5 };

export async function swarm({ runs, peers: { mediamtx: peer }, viewers }) {
  const folder = mkdtempSync(join(tmpdir(), 'sigma-'));
  const clip = makeClip(folder);
  const [ours, theirs] = [[], []];
  // With one viewer: what the media in memory takes is no viewer's.
  const floor = await onOurs(clip, 1);
  const peerFloor = peer && (await onPeer(clip, peer, 1)).peak_kb;
  const perViewer = (run, least) => ({ ...run, kb_per_viewer: round((run.peak_kb - least) / viewers, 1) });
  for (let i = 0; i < runs; i++) {
    const log = join(folder, `requests-${i}.log`);
    const own = perViewer(await withSteal(() => onOurs(clip, viewers, log)), floor.peak_kb);
    const files = nginxVersion && (await withSteal(() => onNginx(folder, log, viewers)));
    if (files) Object.assign(own, { nginx: files, ratio_to_nginx: round(own.cpu_us_per_request / files.cpu_us_per_request) });
    own.void ||= files?.void ?? false;
    ours.push(own);
    console.error(`run ${i + 1} of ${runs}: ${JSON.stringify(own)}`);
    if (peer) theirs.push(perViewer(await withSteal(() => onPeer(clip, peer, viewers)), peerFloor));
  }
  const result = report('swarm', ours, TARGETS, theirs);
  console.log(`  nginx: ${nginxVersion ?? 'not compared: there is none on the path'}`);
  const renderings = { 1: floor.renderings_per_s, [viewers]: quoted(ours, 'renderings_per_s') };
  console.log(`  renderings a second with 1 viewer ${renderings[1]}, with ${viewers} ${renderings[viewers]}`);
  const { most, steps } = await search(viewers, (count) => withSteal(() => onOurs(clip, count)));
  console.log(`  viewers that hold: ${most} (aim 2000)`);
  rmSync(folder, { recursive: true, force: true });
  // Each run of ours beside the peer's: 1/4 is the target.
  const [own, other] = [quoted(ours, 'cpu_ms_per_viewer_s'), quoted(theirs, 'cpu_ms_per_viewer_s')];
  return { ...result, viewers_that_hold: most, steps, renderings, cpu_ratio: other ? round(own / other, 3) : 'not compared' };
}

/** The highest number that holds, to a tenth: doubles it until one doesn't, then halves the gap. */
async function search(first, attempt) {
  const steps = [];
  let [holds, fails] = [0, Infinity];
  for (let next = first; fails - holds > Math.max(50, holds / 10); ) {
    const step = await attempt(next);
    steps.push(step);
    console.log(`  ${next} viewers: ${JSON.stringify(step)}`);
    if (step.held) holds = next;
    else fails = next;
    next = Number.isFinite(fails) ? Math.round((holds + fails) / 100) * 50 : 2 * holds;
    if (next <= holds || next >= fails) break;
  }
  return { most: holds, steps };
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

async function onOurs(clip, viewers, log) {
  const server = await startServer(undefined, PLAIN);
  const channel = await server.channel('Bench');
  const renderings = async () => {
    const metrics = await fetch(`${server.http}/metrics`, { headers: { authorization: `Bearer ${server.admin_token}` } });
    return Number((await metrics.text()).match(/^sigma_playlist_renderings_total (\d+)$/m)[1]);
  };
  try {
    const [before, begun] = [await renderings(), performance.now()];
    const run = await load(clip, viewers, channel.publishUrl, channel.playback.hls_url, server.process.child.pid, log);
    const renderings_per_s = round(((await renderings()) - before) / ((performance.now() - begun) / 1000), 1);
    return { ...run, renderings_per_s };
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

/** The requests of a log again, as fast as they came, to files as long as the answers were. */
async function onNginx(folder, log, viewers) {
  const files = mkdtempSync(join(folder, 'files-'));
  const probe = (url, ...args) => execFileSync(built('sigma-probe'), ['replay', log, url, ...args], { encoding: 'utf8' });
  probe('http://127.0.0.1:1', '--files', files, '--only-files');
  const nginx = await startNginx(files);
  try {
    const replayed = JSON.parse(probe(nginx.url, '--from', `${ramp(viewers)}s`, '--pid', String(nginx.pid), '--json'));
    const { requests, failed, cpu_us_per_request } = replayed;
    return { requests, failed, cpu_us_per_request, answer_p99_ms: replayed.answer_ms.p99 };
  } finally {
    await nginx.stop();
    rmSync(files, { recursive: true });
  }
}

/** Seconds in which the viewers come. */
const ramp = (viewers) => Math.max(5, Math.ceil(viewers / 100));

async function load(clip, viewers, publishUrl, hlsUrl, pid, log) {
  const publisher = publishFile(clip, publishUrl);
  await until('a playlist', 20_000, async () => (await fetch(hlsUrl).catch(() => null))?.ok);
  const args = ['swarm', hlsUrl, '--viewers', viewers, '--ramp', `${ramp(viewers)}s`, '--for', `${HELD_S}s`, '--pid', pid, '--json'];
  if (log) args.push('--log', log);
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
