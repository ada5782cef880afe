// What each filter costs in the worker, beside ffmpeg's own command with the same filter. A filter of pictures is measured with
// decoding 1280x720 and a small encoder behind it, the same on both sides. Encoders of sound are not the same here and there,
// and cost more than most filters: with the filter, less without it.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { round, withSteal } from './figures.mjs';
import { order } from './transcode.mjs';
import { feed, ffmpeg, movingClip } from './worker.mjs';

const TARGET = 1.05;
/** A filter of sound that takes less than this part of a run disappears in what runs differ by. */
const TELLS = 0.04;
const [WIDTH, HEIGHT] = [320, 180];
const scaled = (flags = 'bicubic') => `scale=${WIDTH}:${HEIGHT}:flags=${flags},setsar=1`;

/** The channel's setting, and what ffmpeg is told for the same. */
const PICTURE = {
  none: [{}, scaled()],
  deinterlace: [{ deinterlace: 'always' }, `bwdif=mode=send_frame:deint=all,${scaled()}`],
  deinterlace_detected: [{ deinterlace: 'detected' }, `idet,bwdif=mode=send_frame:deint=interlaced,${scaled()}`],
  crop: [{ crop: { left: 64, top: 36, right: 64, bottom: 36 } }, `crop=iw-128:ih-72:64:36,${scaled()}`],
  rotate: [{ rotate: 90 }, `transpose=clock,${scaled()}`],
  flip: [{ flip: true }, `vflip,${scaled()}`],
  mirror: [{ mirror: true }, `hflip,${scaled()}`],
  deblock: [{ deblock: 'weak' }, `deblock=filter=weak:block=8,${scaled()}`],
  denoise: [{ denoise: 0.25 }, `hqdn3d=3:2.25:4.5:3.375,${scaled()}`],
  auto_level: [{ auto_level: 0.5 }, `normalize=independence=0:smoothing=30:strength=0.5,${scaled()},format=yuv420p`],
  sharpen: [{ sharpen: 0.5 }, `unsharp=5:5:0.75,${scaled()}`],
  lanczos: [{ scaler: 'lanczos' }, scaled('lanczos')],
  fast_bilinear: [{ scaler: 'fast_bilinear' }, scaled('fast_bilinear')],
  fill: [{ fit: 'fill', aspect: '4:3' }, 'setdar=4/3,scale=320:240:flags=bicubic,crop=320:180,setsar=1'],
  pad: [{ fit: 'bars', pad: 0.1 }, 'scale=256:144:flags=bicubic,setsar=1,pad=320:180:(ow-iw)/2:(oh-ih)/2'],
  text: [
    { text: { words: 'Rehearsal', size: 0.06, corner: 'bottom_left', margin: 20, colour: '#ffffff', boxed: false } },
    `drawtext=font=Sans:expansion=none:text=Rehearsal:fontsize=h*0.06:fontcolor=0xffffff:x=20:y=h-th-20,${scaled()}`,
  ],
  logo: [
    { logo: { corner: 'top_right', margin: 16, height: 0.15, opacity: 0.8 } },
    `[0:v]copy[base];[1:v]scale=-1:108,format=yuva420p,colorchannelmixer=aa=0.8[sign];[base][sign]overlay=x=W-w-16:y=16:format=yuv420,${scaled()}[o]`,
  ],
};

const SOUND = {
  gain: [{ gain_db: 3 }, 'volume=1.4125:precision=float'],
  levels: [{ left_db: -3 }, 'pan=stereo|c0=0.70795*FL|c1=1*FR'],
  map: [{ map: 'mix' }, 'pan=stereo|c0=0.5*FL+0.5*FR|c1=0.5*FL+0.5*FR'],
  parametric: [{ parametric: [{ kind: 'notch', hz: 50, q: 10 }] }, 'bandreject=f=50:t=q:w=10'],
  graphic: [
    { graphic_db: [3, 2, 1, -1, -2, -3, 2, 3, 4, 5] },
    [31.5, 63, 125, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000]
      .map((hz, i) => `equalizer=f=${hz}:t=o:w=1:g=${[3, 2, 1, -1, -2, -3, 2, 3, 4, 5][i]}`)
      .join(','),
  ],
  karaoke: [
    { karaoke: true },
    'asplit[a][b];[a]pan=stereo|c0=0.7*FL-0.7*FR|c1=0.7*FR-0.7*FL[c];[b]pan=stereo|c0=0.5*FL+0.5*FR|c1=0.5*FL+0.5*FR,' +
      'lowpass=f=120:p=2[d];[c][d]amix=inputs=2:normalize=0',
  ],
  compressor: [
    { compressor: { threshold_db: -20, ratio: 4, attack_ms: 5, release_ms: 100, makeup_db: 0 } },
    'acompressor=threshold=0.1:ratio=4:attack=5:release=100:makeup=1:detection=rms',
  ],
  limiter: [{ limiter_db: -1 }, 'alimiter=limit=0.89125:level=0:attack=5:release=50'],
  loudness: [{ loudness_lufs: -16 }, 'loudnorm=I=-16:TP=-1.5:LRA=11'],
  // Ours alone is not late; what ffmpeg has for it is loudnorm.
  loudness_ultra_low: [{ loudness_lufs: -16 }, 'loudnorm=I=-16:TP=-1.5:LRA=11', { ultra_low: true }],
  resample: [{}, '', { rate: 44_100 }],
};

export async function filters({ runs, filter: only, seconds }) {
  const folder = mkdtempSync(join(tmpdir(), 'sigma-'));
  const wanted = (name) => !only.length || only.includes(name);
  const known = [...Object.keys(PICTURE), ...Object.keys(SOUND)];
  const unknown = only.filter((name) => !known.includes(name));
  if (unknown.length) throw new Error(`there is no filter ${unknown.join(', ')}: ${known.join(', ')}`);
  const clip = movingClip(folder, { size: '1280x720', kbps: 5_000, seconds });
  const voice = join(folder, 'voice.flv');
  const loop = ['-v', 'error', '-nostdin', '-y', '-stream_loop', '39', '-i', clip, '-vn', '-c', 'copy', voice];
  execFileSync('ffmpeg', loop);
  const logo = join(folder, 'logo.png');
  const gradient = ['-f', 'lavfi', '-i', 'testsrc2=s=400x200,format=rgba,colorchannelmixer=aa=0.7', '-frames:v', '1', logo];
  execFileSync('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...gradient]);

  console.log(`\nfilters (${availableParallelism()} cores; ${runs} pairs, ${seconds} s; ours to ffmpeg's)`);
  const pairs = Object.fromEntries(known.filter(wanted).map((name) => [name, []]));
  for (let i = 0; i < runs; i++) {
    for (const name of Object.keys(PICTURE).filter(wanted)) {
      pairs[name].push(await withSteal(() => pictures(clip, logo, name)));
    }
    if (!Object.keys(SOUND).some(wanted)) continue;
    const without = await withSteal(() => sounds(voice, [{}, '']));
    for (const name of Object.keys(SOUND).filter(wanted)) {
      const run = await withSteal(() => sounds(voice, SOUND[name]));
      const [ours, theirs] = [run.ours - without.ours, run.theirs - without.theirs];
      const tells = theirs > TELLS * run.theirs && ours + theirs > TELLS * run.ours;
      pairs[name].push({ ...run, ours, theirs, ratio: tells ? ours / theirs : null, void: run.void || without.void });
    }
  }
  const result = { bench: 'filters', seconds, target: TARGET, filters: {} };
  for (const [name, runsOfIt] of Object.entries(pairs)) {
    const counts = runsOfIt.filter((run) => !run.void);
    const of = (figure) => median(counts.map((run) => run[figure]).filter(Number.isFinite));
    const figures = { ratio: round(of('ratio')), ours_ms: round(of('ours'), 0), ffmpeg_ms: round(of('theirs'), 0) };
    Object.assign(figures, { runs: runsOfIt.map((run) => round(run.ratio)), void: runsOfIt.length - counts.length });
    result.filters[name] = { ...figures, met: figures.ratio !== null && figures.ratio <= TARGET };
    const told = figures.ratio === null ? 'too little to tell' : `${figures.ratio}${result.filters[name].met ? '' : '  MISSED'}`;
    console.log(`  ${name}: ${told} (${figures.ours_ms} ms, ffmpeg ${figures.ffmpeg_ms}; ${figures.runs.join(' ')})`);
  }
  rmSync(folder, { recursive: true, force: true });
  return result;
}

const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? null;

function pictures(clip, logo, name) {
  const [given, words] = PICTURE[name];
  const picture = { fit: 'stretch', ...given };
  const wanted = order([[WIDTH, HEIGHT, 200]], { processing: { picture, sound: {} }, preset: 'ultrafast' });
  const ours = feed(clip, wanted, { pinned: true, ...(name === 'logo' ? { logo } : {}) }).all_ms;
  const input = ['-filter_threads', '1', '-filter_complex_threads', '1', '-threads', '1', '-i', clip];
  const filter = name === 'logo' ? ['-i', logo, '-filter_complex', words, '-map', '[o]'] : ['-an', '-vf', words];
  const encoder = '-c:v libx264 -preset ultrafast -tune zerolatency -threads 1 -b:v 200k -maxrate 200k -bufsize 200k -g 3600 -f null -';
  const theirs = ffmpeg([...input, ...filter, ...encoder.split(' ')], { pinned: true }).all_ms;
  return { ours, theirs, ratio: ours / theirs };
}

function sounds(clip, [sound, words, { ultra_low = false, rate = 48_000 } = {}]) {
  const stream = { bitrate: 96_000, sample_rate: rate, channels: 2, after: null };
  const wanted = { ...order([], { processing: { picture: {}, sound }, sounds: [stream] }), ultra_low };
  const ours = feed(clip, wanted, { pinned: true }).all_ms;
  const chain = `${words ? `${words},` : ''}aresample=${rate}:filter_size=64:cutoff=0.97,aformat=sample_fmts=s16`;
  const args = ['-filter_threads', '1', '-threads', '1', '-i', clip, '-vn', '-af', chain, '-c:a', 'pcm_s16le', '-f', 'null', '-'];
  const theirs = ffmpeg(args, { pinned: true }).all_ms;
  return { ours, theirs };
}
