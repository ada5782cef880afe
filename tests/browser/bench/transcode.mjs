// What a ladder costs: our worker, fed at full speed over its pipes, beside one ffmpeg command with the same encoder's
// settings; how like the source both are; how late the worker's units are in real time; and ten hours through one worker.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { round, withSteal } from './figures.mjs';
import { feed, ffmpeg, hasPerf, movingClip, ssim } from './worker.mjs';

const LADDERS = {
  '720p30': { size: '1280x720', kbps: 5_000, rungs: [[1280, 720, 2_800], [854, 480, 1_400], [640, 360, 800]] },
  '1080p30': { size: '1920x1080', kbps: 8_000, rungs: [[1920, 1080, 5_000], [1280, 720, 2_800], [854, 480, 1_400], [640, 360, 800]] },
};
const LATENCY = { size: '1280x720', kbps: 4_000, rungs: [[854, 480, 1_400], [640, 360, 800]] };
const TARGETS = { all: 1.02, outside: 1.05, ssim: -0.001, late_ms: 20 };
/** Of memory, between the first tenth of a long run and its end. */
const FLAT_MIB = 8;

export async function transcode({ runs, case: cases, seconds, hours }) {
  const folder = mkdtempSync(join(tmpdir(), 'sigma-'));
  const wanted = (name) => !cases.length || cases.includes(name);
  const profiled = hasPerf();
  const result = { bench: 'transcode', seconds };
  console.log(`\ntranscode (${availableParallelism()} cores)`);
  if (!profiled) console.log('  there is no perf that can sample here: what lies outside x264 is not measured');
  for (const name of Object.keys(LADDERS).filter(wanted)) {
    result[name] = await compared(name, folder, { runs, seconds, profiled });
  }
  if (wanted('latency')) result.latency = await latency(folder, { runs, seconds });
  // Half an hour of work: only where it is asked for.
  if (cases.includes('long')) result.long = long(folder, hours);
  rmSync(folder, { recursive: true, force: true });
  return result;
}

/** As the worker takes it: server/src/transcode/ladder/order.rs. */
export function order(rungs, { fps = 30, processing = { picture: {}, sound: {} }, sounds = [], preset = 'veryfast', threads = 1 } = {}) {
  const pictures = rungs.map(([width, height, kbps]) => ({
    ...{ width, height, fps, kbps, crf: null, profile: 'high', preset, encoding: 'zero_latency', threads, after: null },
  }));
  return { pictures, sounds, processing, ultra_low: false, frame_rate: [fps, 1] };
}

/** One ffmpeg command for a ladder: each size scaled from the source, or (`cascade`) from the next larger one. */
function command(clip, rungs, [sourceWidth], { cascade, to }) {
  const scaled = rungs.map(([width, height]) => (width === sourceWidth ? 'null' : `scale=${width}:${height}:flags=bicubic`));
  const graph = cascade
    ? rungs.map((_, i) => `${i ? `[d${i}]` : '[0:v]'}${scaled[i]}${i < rungs.length - 1 ? `,split[o${i}][d${i + 1}]` : `[o${i}]`}`)
    : [`[0:v]split=${rungs.length}${rungs.map((_, i) => `[s${i}]`).join('')}`, ...rungs.map((_, i) => `[s${i}]${scaled[i]}[o${i}]`)];
  const out = rungs.flatMap(([, , kbps], i) => [
    ...['-map', `[o${i}]`, '-c:v', 'libx264', '-preset', 'veryfast', '-tune', 'zerolatency', '-profile:v', 'high', '-threads', '1'],
    ...['-b:v', `${kbps}k`, '-maxrate', `${kbps}k`, '-bufsize', `${kbps}k`, '-g', '3600', '-sc_threshold', '0'],
    ...['-forced-idr', '1', '-force_key_frames', 'source', '-x264-params', 'force-cfr=1', ...to(i)],
  ]);
  const threads = ['-filter_complex_threads', '1', '-threads', '1'];
  return [...threads, '-i', clip, '-filter_complex', graph.join(';'), ...out];
}

async function compared(name, folder, { runs, seconds, profiled }) {
  const { size, kbps, rungs } = LADDERS[name];
  const clip = movingClip(folder, { size, kbps, seconds });
  const source = size.split('x').map(Number);
  const profile = profiled ? join(folder, 'perf.data') : undefined;
  const nowhere = () => ['-f', 'null', '-'];
  const theirs = (cascade, how) => ffmpeg(command(clip, rungs, source, { cascade, to: nowhere }), how);
  console.log(`  ${name}: ${rungs.map(([width, height]) => `${width}x${height}`).join(', ')}, ${seconds} s, ${runs} pairs`);
  const pairs = [];
  for (let i = 0; i < runs; i++) {
    const pair = await withSteal(() => {
      const how = { profile, pinned: true };
      const [mine, other, cascade] = [feed(clip, order(rungs), how), theirs(false, how), theirs(true, how)];
      return {
        all: mine.all_ms / other.all_ms,
        outside: mine.outside_ms / other.outside_ms,
        all_cascade: mine.all_ms / cascade.all_ms,
        outside_cascade: mine.outside_ms / cascade.outside_ms,
        ours_ms: mine.all_ms,
        outside_ms: mine.outside_ms,
      };
    });
    pairs.push(Object.fromEntries(Object.entries(pair).map(([key, value]) => [key, typeof value === 'number' ? round(value, 3) : value])));
    console.log(`    run ${i + 1}: ${JSON.stringify(pairs.at(-1))}`);
  }
  const figures = {};
  for (const figure of ['all', 'outside', 'all_cascade', 'outside_cascade']) {
    figures[figure] = median(pairs.filter((pair) => !pair.void).map((pair) => pair[figure]));
  }
  // With all of the machine: where encoders run side by side, both the speed and CPU time are others.
  const [mine, other] = [feed(clip, order(rungs)), theirs(false)];
  figures.free = { real_time: round(seconds / mine.seconds), ffmpeg_real_time: round(seconds / other.seconds), all: round(mine.all_ms / other.all_ms, 3) };
  figures.ssim = likeness(clip, folder, rungs, source);
  const worst = Math.min(...figures.ssim.map(({ ours, ffmpeg: other }) => ours - other));
  const line = (what, value, target, met) => console.log(`    ${what}: ${value} (target ${target})${met ? '' : '  MISSED'}`);
  line("CPU, ours to ffmpeg's", figures.all, TARGETS.all, figures.all <= TARGETS.all);
  line('CPU outside x264', figures.outside, TARGETS.outside, profiled && figures.outside <= TARGETS.outside);
  line('SSIM, worst rendition', round(worst, 4), TARGETS.ssim, worst >= TARGETS.ssim);
  console.log(`    beside an ffmpeg that scales from size to size, too: ${figures.all_cascade}, outside x264 ${figures.outside_cascade}`);
  const { real_time: speed, ffmpeg_real_time: its, all } = figures.free;
  console.log(`    with all of the machine: ${speed} times as fast as real time (ffmpeg ${its}), CPU ${all} of ffmpeg's`);
  return { ...figures, targets: TARGETS, pairs };
}

const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? null;

/** SSIM of each rendition beside its source: ours, and that command's. */
function likeness(clip, folder, rungs, source) {
  const [mine, other] = ['ours', 'ffmpeg'].map((name) => join(folder, name));
  [mine, other].forEach((path) => mkdirSync(path, { recursive: true }));
  feed(clip, order(rungs), { out: mine });
  ffmpeg(command(clip, rungs, source, { to: (i) => ['-f', 'flv', join(other, `${i + 1}.flv`)] }));
  return rungs.map((rung, i) => {
    const of = (path) => ssim(join(path, `${i + 1}.flv`), clip, rung);
    const figures = { size: `${rung[0]}x${rung[1]}`, ours: of(mine), ffmpeg: of(other) };
    console.log(`    SSIM ${JSON.stringify(figures)}`);
    return figures;
  });
}

/**
 * From a unit's way into the pipe to its way out of it again, in real time: decoding, scaling, encoding and all that lies
 * between them, so that what the worker adds to decoding and encoding is less.
 */
async function latency(folder, { runs, seconds }) {
  const clip = movingClip(folder, { ...LATENCY, seconds });
  console.log(`  latency: 1280x720 in real time to ${LATENCY.rungs.map(([w, h]) => `${w}x${h}`).join(', ')}, ${seconds} s`);
  const taken = [];
  for (let i = 0; i < Math.min(runs, 3); i++) {
    const run = await withSteal(() => {
      const { outputs } = feed(clip, order(LATENCY.rungs), { paced: true });
      return { late_ms: outputs.map(({ late_ms: late }) => Object.fromEntries(Object.entries(late).map(([k, v]) => [k, round(v, 1)]))) };
    });
    taken.push({ ...run, p95: Math.max(...run.late_ms.map((late) => late.p95)) });
    console.log(`    run ${i + 1}: ${JSON.stringify(taken.at(-1))}`);
  }
  const p95 = median(taken.filter((run) => !run.void).map((run) => run.p95));
  console.log(`    p95: ${p95} ms with decoding and encoding (target ${TARGETS.late_ms} without)${p95 <= TARGETS.late_ms ? '' : '  MISSED'}`);
  return { p95, target: TARGETS.late_ms, runs: taken };
}

/** Memory while hours of stream go through one worker. */
function long(folder, hours) {
  const clip = movingClip(folder, { size: '320x180', kbps: 500, seconds: 60 });
  const rungs = [[320, 180, 300], [160, 90, 100]];
  const sounds = [{ bitrate: 96_000, sample_rate: 48_000, channels: 2, after: null }];
  const wanted = order(rungs, { sounds, preset: 'ultrafast' });
  const { seconds, memory_kib: samples, outputs } = feed(clip, wanted, { seconds: hours * 3_600, sample_s: 5 });
  const mib = samples.map((kib) => kib / 1_024);
  const [early, end] = [mib.slice(Math.floor(mib.length / 10), Math.ceil(mib.length / 5)), mib.slice(-Math.ceil(mib.length / 10))];
  const grown = median(end) - median(early);
  const figures = {
    ...{ hours, took_s: round(seconds, 0), times_real_time: round((hours * 3_600) / seconds, 1), most_mib: round(Math.max(...mib), 1) },
    ...{ early_mib: round(median(early), 1), end_mib: round(median(end), 1), grown_mib: round(grown, 2), flat: grown <= FLAT_MIB },
    units: outputs.map(({ units }) => units),
  };
  console.log(`  long: ${JSON.stringify(figures)}${figures.flat ? '' : '  MISSED'}`);
  return figures;
}
