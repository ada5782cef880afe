// What publishers cost: ours beside nginx's RTMP module and beside MediaMTX, the most that hold in real time, and idle ones. A
// pre-encoded file goes to every server from the same light publishers, so that encoders take no time from any side.
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PLAIN, startServer, until } from '../programs.mjs';
import { behind } from './edge.mjs';
import { percentile, quoted, round, withSteal } from './figures.mjs';
import { startMediamtx } from './mediamtx.mjs';
import { rtmpModule, startNginx } from './nginx-rtmp.mjs';
import { cpuMs, memoryKib, watch } from './processes.mjs';
import { makeClip, publish } from './publishers.mjs';

/** Publishers tried one after another, until a number doesn't hold. */
const STEPS = [50, 100, 150, 200, 250, 300, 350, 400, 500, 600, 700, 800];
const MOST_KBPS = 500;
const IDLE = 1_000;
/** Later than that, or further behind live than a part and this, isn't real time. */
const LATE_MS = 500;
const BEHIND_S = 1.5;
/** The first seconds are no publisher's usual ones. */
const WARM_S = 6;

const COMPARED = {
  normal: { peer: 'nginx', kbps: 2_000, cpu: 1.0, memory: null },
  ultra_low: { peer: 'mediamtx', kbps: 2_000, cpu: 0.6, memory: 0.25 },
};

export async function ingest({ runs, case: cases, publishers, seconds, peers }) {
  const folder = mkdtempSync(join(tmpdir(), 'sigma-'));
  const wanted = (name) => !cases.length || cases.includes(name);
  const result = { bench: 'ingest', publishers, seconds };
  console.log(`\ningest (${availableParallelism()} cores; CPU in percent of one)`);
  for (const mode of Object.keys(COMPARED).filter(wanted)) {
    const clip = makeClip(folder, { kbps: COMPARED[mode].kbps });
    result[mode] = await compared(mode, clip, { runs, publishers, seconds, peers });
  }
  if (wanted('most')) result.most = await most(makeClip(folder, { kbps: MOST_KBPS }), seconds);
  if (wanted('idle')) result.idle = await idle(makeClip(folder, { kbps: MOST_KBPS }), seconds);
  rmSync(folder, { recursive: true, force: true });
  return result;
}

async function compared(mode, clip, { runs, publishers, seconds, peers }) {
  const { peer, kbps, cpu, memory } = COMPARED[mode];
  const why = missing(peer, peers[peer]);
  const [ours, theirs] = [[], []];
  console.log(`  ${mode}: ${publishers} publishers of ${kbps} kbit/s`);
  for (let i = 0; i < runs; i++) {
    ours.push(await withSteal(() => onOurs(mode, clip, publishers, seconds)));
    console.log(`    run ${i + 1}: ${JSON.stringify(ours.at(-1))}`);
    if (why) continue;
    theirs.push(await withSteal(() => onPeer(peer, peers[peer], clip, publishers, seconds)));
    console.log(`    ${peer} run ${i + 1}: ${JSON.stringify(theirs.at(-1))}`);
  }
  const own = { cpu_percent: quoted(ours, 'cpu_percent'), mib: quoted(ours, 'mib') };
  if (why) {
    console.log(`    CPU ${own.cpu_percent} %, ${own.mib} MiB; not compared: ${why}`);
    return { ...own, runs: ours, peer: 'not compared' };
  }
  const other = { cpu_percent: quoted(theirs, 'cpu_percent'), mib: quoted(theirs, 'mib') };
  const ratios = { cpu: round(own.cpu_percent / other.cpu_percent), memory: round(own.mib / other.mib) };
  const line = (what, unit, target, mine, their, ratio) =>
    console.log(
      `    ${what}: ${mine} ${unit}, ${peer} ${their}: ratio ${ratio}` +
        (target === null ? '' : ` (target ${target})${ratio <= target ? '' : '  MISSED'}`),
    );
  line('CPU', '%', cpu, own.cpu_percent, other.cpu_percent, ratios.cpu);
  line('memory', 'MiB', memory, own.mib, other.mib, ratios.memory);
  return { ...own, peer: { name: peer, ...other }, ratios, targets: { cpu, memory }, runs: ours, peer_runs: theirs };
}

/** Why there is nothing to compare with; null where there is. */
function missing(peer, path) {
  if (!path) return `name a peer with --peer ${peer}=PATH`;
  if (peer === 'nginx' && !rtmpModule(path)) return `${path} has no RTMP module (on Debian: apt-get install libnginx-mod-rtmp)`;
  return null;
}

async function onOurs(mode, clip, count, seconds) {
  const server = await startServer(undefined, PLAIN);
  const channels = await makeChannels(server, count, { latency_mode: mode });
  const sending = await publish(clip, channels.map((channel) => channel.publishUrl));
  const result = await held([server.process.child.pid], sending, seconds, async (n) => (await behind(channels[n].playback.hls_url)) !== null);
  await server.stop();
  return result;
}

async function onPeer(peer, path, clip, count, seconds) {
  const numbers = Array.from({ length: count }, (_, n) => n);
  if (peer === 'nginx') {
    const server = await startNginx(path);
    const sending = await publish(clip, numbers.map(server.publishUrl));
    const result = await held(server.pids(), sending, seconds, server.serves);
    await server.stop();
    return result;
  }
  const server = await startMediamtx(path);
  const sending = await publish(clip, numbers.map((n) => server.urls(n).publish));
  const result = await held([server.pid], sending, seconds, async (n) => (await fetch(server.urls(n).hls).catch(() => null))?.ok);
  await server.stop();
  return result;
}

/** The load is held, and what came in is there for viewers. */
async function held(pids, sending, seconds, serves) {
  await sleep(WARM_S * 1_000);
  await sending.figures();
  const cpu = await watch(pids, seconds);
  const { late_p99_ms, lost, why } = await sending.figures();
  if (lost) throw new Error(`${lost} publishers were lost: ${why}`);
  await until('a playlist', 20_000, () => serves(0));
  await sending.stop();
  return { ...cpu, late_p99_ms };
}

async function makeChannels(server, count, settings = {}) {
  const channels = [];
  for (let n = 0; n < count; n++) channels.push(await server.channel(`Bench ${n}`, settings));
  return channels;
}

/** More and more publishers of new channels (ultra_low), server and publishers together, until a number doesn't hold. */
async function most(clip, seconds) {
  const steps = [];
  console.log(`  most: live publishers of ${MOST_KBPS} kbit/s`);
  for (const count of STEPS) {
    steps.push(await withSteal(() => step(clip, count, seconds)));
    console.log(`    ${JSON.stringify(steps.at(-1))}`);
    if (!steps.at(-1).held) break;
  }
  const holding = Math.max(0, ...steps.filter((s) => s.held && !s.void).map((s) => s.publishers));
  console.log(`    publishers that hold: ${holding}; then: ${steps.at(-1).gave_out ?? 'nothing gave out'}`);
  return { publishers_that_hold: holding, gave_out: steps.at(-1).gave_out ?? null, steps };
}

async function step(clip, count, seconds) {
  const server = await startServer(undefined, PLAIN);
  const channels = await makeChannels(server, count);
  let sending;
  try {
    sending = await publish(clip, channels.map((channel) => channel.publishUrl));
  } catch (error) {
    await server.stop();
    return { publishers: count, held: false, gave_out: error.message };
  }
  const pid = server.process.child.pid;
  await sleep(WARM_S * 1_000);
  await sending.figures();
  const senders = cpuMs(sending.pid);
  const cpu = await watch([pid], seconds);
  const publishers_cpu_percent = round((cpuMs(sending.pid) - senders) / seconds / 10, 1);
  const sent = await sending.figures();
  // A few at a time, spread over all: to ask is not to be a load.
  const distances = [];
  for (let n = 0; n < count; n += Math.ceil(count / 25)) distances.push((await behind(channels[n].playback.hls_url)) ?? Infinity);
  const { data: issues } = await server.api('GET', '/events?limit=100&type=ingest.issue').catch(() => ({ data: [] }));
  await sending.stop();
  await server.stop();
  const run = {
    publishers: count,
    ...cpu,
    publishers_cpu_percent,
    late_p50_ms: sent.late_p50_ms,
    late_p99_ms: sent.late_p99_ms,
    lost: sent.lost,
    behind_s: round(percentile(distances, 100)),
    issues: issues.filter((event) => event.type === 'ingest.issue').length,
  };
  const gave_out = limit(run, sent);
  return { ...run, held: gave_out === null, ...(gave_out && { gave_out }) };
}

/** What did not hold; null where all did. */
function limit(run, sent) {
  const busy = run.cpu_percent + run.publishers_cpu_percent;
  const cores = `the CPU: server ${run.cpu_percent} %, publishers ${run.publishers_cpu_percent} % of ${100 * availableParallelism()} %`;
  const why = busy > 90 * availableParallelism() ? cores : null;
  if (sent.lost) return why ?? `${sent.lost} publishers were lost: ${sent.why}`;
  if (run.late_p99_ms > LATE_MS) return why ?? `publishers were ${run.late_p99_ms} ms late (p99)`;
  if (!(run.behind_s <= BEHIND_S)) return why ?? `a playlist was ${run.behind_s} s behind live`;
  return null;
}

/** Connected, admitted, and silent. */
async function idle(clip, seconds) {
  const server = await startServer(undefined, PLAIN);
  const pid = server.process.child.pid;
  const channels = await makeChannels(server, IDLE);
  await sleep(1_000);
  const before = memoryKib(pid).all;
  const connected = await publish(clip, channels.map((channel) => channel.publishUrl), { idle: true });
  await sleep(1_000);
  const cpu = await watch([pid], Math.min(seconds, 30));
  const kib_each = round((memoryKib(pid).all - before) / IDLE, 1);
  const { lost, why } = await connected.figures();
  await connected.stop();
  await server.stop();
  console.log(`  idle: ${IDLE} publishers, ${kib_each} KiB each, CPU ${cpu.cpu_percent} %, ${lost} lost${lost ? ` (${why})` : ''}`);
  return { publishers: IDLE, kib_each, cpu_percent: cpu.cpu_percent, lost };
}
