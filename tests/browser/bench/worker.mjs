// A transcode worker fed by hand (crates/transcode/examples/feed.rs), ffmpeg beside it, and clips for both.
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { built } from '../programs.mjs';

const QUIET = ['-hide_banner', '-nostdin', '-y'];
/** Samples a second: at the kernel's own clock, since virtual machines seldom have the processor's counters. */
const SAMPLES = 1_999;
/** Names of the feeder's threads in a profile: not the worker's. */
const FEEDER = 'feed';

/** Something moves, something is noise, something is fine detail; H.264 as a publisher's, a key frame each 2 s, and a voice of two tones. */
export function movingClip(folder, { size, kbps, seconds, fps = 30 }) {
  const clip = join(folder, `moving-${size}-${seconds}.flv`);
  const moving = `mandelbrot=s=${size}:r=${fps}:maxiter=400:start_scale=3:end_scale=0.2:end_pts=${30 * fps}`;
  const over = "[0][1]overlay=x='mod(t*60,W-w)':y='(H-h)/2+0.2*H*sin(t)',noise=alls=6:allf=t:all_seed=7,format=yuv420p";
  const sound = 'aevalsrc=0.2*sin(2*PI*220*t)*(1+sin(2*PI*2*t))|0.2*sin(2*PI*440*t)*(1+sin(2*PI*3*t)):s=48000';
  const inputs = [moving, `testsrc2=s=320x180:r=${fps}`, sound].flatMap((source) => ['-f', 'lavfi', '-i', source]);
  const video = `-c:v libx264 -preset veryfast -profile:v high -bf 0 -sc_threshold 0 -b:v ${kbps}k -maxrate ${kbps}k -bufsize ${kbps}k`;
  const gop = `-g ${2 * fps} -keyint_min ${2 * fps} -c:a aac -b:a 128k -ac 2`;
  execFileSync('ffmpeg', [
    ...[...QUIET, '-v', 'error', ...inputs, '-filter_complex', over, '-t', String(seconds), ...video.split(' '), ...gop.split(' '), clip],
  ]);
  return clip;
}

/** Whether profiles can be taken here. */
export function hasPerf() {
  try {
    execFileSync('perf', ['record', '-q', '-e', 'cpu-clock', '-o', '/dev/null', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * A program with its arguments, profiled into `profile` where that is a file. `pinned`: all of its threads on one processor. On
 * two that are threads of one core, as those of virtual machines often are, each counts its waiting for the other as CPU time.
 */
function run(program, args, { profile, pinned }) {
  const record = ['perf', 'record', '-q', '-e', 'cpu-clock', '-F', String(SAMPLES), '-o', profile, '--'];
  const pin = ['taskset', '--cpu-list', String(availableParallelism() - 1)];
  const line = [...(pinned ? pin : []), ...(profile ? record : []), program, ...args];
  return execFileSync(line[0], line.slice(1), { encoding: 'utf8', maxBuffer: 1 << 26, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Of a profile's samples, the part that lies in a library whose name begins so; the feeder's own don't count. */
function share(profile, library) {
  const args = ['report', '-q', '-i', profile, '--stdio', '--sort', 'comm,dso', '-F', 'sample,comm,dso', '-t', '|'];
  const lines = execFileSync('perf', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n');
  let [all, within] = [0, 0];
  for (const [count, comm, dso] of lines.map((line) => line.split('|').map((field) => field.trim()))) {
    if (!(Number(count) > 0) || comm === FEEDER) continue;
    all += Number(count);
    if (dso.startsWith(library)) within += Number(count);
  }
  return all ? within / all : null;
}

/** What the worker makes of a clip: `order` as server/src/transcode/ladder/order.rs has it; the rest as the example takes it. */
export function feed(clip, order, { profile, pinned, ...rest } = {}) {
  const wanted = JSON.stringify({ program: built('sigma-server'), clip, order, ...rest });
  const printed = run(built('examples/feed'), [wanted], { profile, pinned });
  const figures = JSON.parse(printed.trim().split('\n').at(-1));
  return { ...figures, ...costs(figures.cpu_ms.user + figures.cpu_ms.system, profile) };
}

/** What one ffmpeg command takes for it. */
export function ffmpeg(args, { profile, pinned } = {}) {
  // -benchmark's line goes to stderr, which comes back only through a shell's hands.
  const script = ['-c', 'exec ffmpeg "$@" 2>&1', 'ffmpeg', ...QUIET, '-v', 'info', '-nostats', '-benchmark', ...args];
  const printed = run('sh', script, { profile, pinned });
  const [, user, system, real] = printed.match(/bench: utime=([\d.]+)s stime=([\d.]+)s rtime=([\d.]+)s/) ?? [];
  if (!user) throw new Error(`ffmpeg said nothing of its time:\n${printed}`);
  return { seconds: Number(real), ...costs(1_000 * (Number(user) + Number(system)), profile) };
}

function costs(all, profile) {
  const encoder = profile ? share(profile, 'libx264') : null;
  return { all_ms: all, outside_ms: encoder === null ? null : all * (1 - encoder) };
}

/** How like the source a rendition is (SSIM, all planes), the source scaled to its size. */
export function ssim(file, clip, [width, height]) {
  const graph =
    `[1:v]scale=${width}:${height}:flags=bicubic+accurate_rnd+full_chroma_int,settb=1/30,setpts=N[source];` +
    '[0:v]settb=1/30,setpts=N[made];[made][source]ssim';
  const args = [...QUIET, '-v', 'info', '-nostats', '-i', file, '-i', clip, '-lavfi', graph, '-an', '-f', 'null', '-'];
  const printed = execFileSync('sh', ['-c', 'exec ffmpeg "$@" 2>&1', 'ffmpeg', ...args], { encoding: 'utf8', maxBuffer: 1 << 26 });
  return Number(printed.match(/SSIM .*All:([\d.]+)/)?.[1]);
}
