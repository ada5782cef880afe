// What the whole server takes as it grows: with the DVR window, with viewers, with channels. Tables, plots, and the slope of
// each line.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { built, PLAIN, start, startServer, until } from '../programs.mjs';
import { behind } from './edge.mjs';
import { round, withSteal } from './figures.mjs';
import { past } from './past.mjs';
import { fit, plot } from './plot.mjs';
import { memoryKib, watch } from './processes.mjs';
import { makeClip, publish } from './publishers.mjs';

const WINDOWS = [
  ['1 min', 60],
  ['10 min', 600],
  ['1 h', 3_600],
  ['6 h', 21_600],
  ['12 h', 43_200],
  ['24 h', 86_400],
];
const VIEWERS = [10, 100, 250, 500, 1_000, 1_500, 2_000];
const CHANNELS = [1, 10, 25, 50, 100, 150, 200];
const WARM_S = 5;
/** A part of the 200 ms that viewers of `ultra_low` have by default. */
const PART_MS = 200;

const CASES = { dvr, viewers, channels };

export async function growth({ case: cases, seconds, write }) {
  const folder = mkdtempSync(join(tmpdir(), 'sigma-'));
  const sections = [];
  for (const [name, measure] of Object.entries(CASES)) {
    if (cases.length && !cases.includes(name)) continue;
    const section = await measure(folder, seconds);
    console.log(`\n${section.title}\n\n${table(section)}\n\n${section.slopes.map((slope) => `- ${slope}`).join('\n')}`);
    sections.push({ name, ...section });
    if (write) save(write, sections.at(-1));
  }
  rmSync(folder, { recursive: true, force: true });
  return { bench: 'growth', cores: availableParallelism(), ...Object.fromEntries(sections.map(({ name, rows, slopes }) => [name, { rows, slopes }])) };
}

/** `FOLDER/growth/NAME.md` with its plots beside it: the page is put together of what was measured, whenever that was. */
function save(write, { name, title, about, plots, slopes, ...section }) {
  const folder = join(write, 'growth');
  mkdirSync(folder, { recursive: true });
  const figures = plots.map((one, i) => {
    const file = `${name}-${i + 1}.svg`;
    writeFileSync(join(folder, file), plot(one));
    return `![${one.title}](${file})`;
  });
  const text = [`# ${title}`, about, table(section), ...figures, slopes.map((slope) => `- ${slope}`).join('\n')];
  writeFileSync(join(folder, `${name}.md`), `${text.join('\n\n')}\n`);
}

function table({ rows }) {
  const columns = Object.keys(rows[0]);
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const cell = (value) => (value === true ? 'yes' : value === false ? 'no' : (value ?? '–'));
  return [line(columns), line(columns.map(() => '---')), ...rows.map((row) => line(columns.map((c) => cell(row[c]))))].join('\n');
}

async function dvr(folder, seconds) {
  const clip = makeClip(folder, { kbps: 200, gop: 1, size: '320x180', audioKbps: 32 });
  const rows = [];
  for (const [name, window] of WINDOWS) {
    rows.push(await withSteal(() => past(clip, name, window, seconds)));
    console.error(JSON.stringify(rows.at(-1)));
  }
  const hours = (key) => rows.map((row, i) => [WINDOWS[i][1] / 3_600, row[key]]);
  const of = (key) => fit(hours(key)).slope;
  const segments = 2 * (rows.at(-1).segments - rows[0].segments);
  const ticks = WINDOWS.map(([name, window]) => [window / 3_600, name]);
  const reloads = ['live delta, us', 'dvr delta, us', 'past segment, us', 'past segment again, us'];
  return {
    title: 'The DVR window',
    about:
      'One channel in `ultra_low` with segments of a second, pictures and sound, one publisher, no viewers; the journal made up before the\n' +
      'server starts. `back` is from its start until viewers have the session again, `own` the memory without mapped files, `CPU` what\n' +
      "the publisher takes, in percent of a core; then the server's CPU time for each answer, gzipped where that applies: to a reload with\n" +
      '`_HLS_skip=YES`, to the whole playlists, and to a segment of the past at a random place of the window, where a minute may be looked\n' +
      'at for the first time, and to the same ones again (disk cache warm).',
    rows: rows.map(({ void: stolen, steal_percent, busy_percent, ...row }) => ({ ...row, 'machine %': busy_percent, void: stolen })),
    plots: [
      { title: 'Memory of the server', x: 'DVR window, hours', y: 'MiB', series: [{ name: 'own memory', points: hours('own MiB') }] },
      {
        title: 'CPU time of an answer',
        ...{ x: 'DVR window', y: 'microseconds', log: true, ticks },
        series: reloads.map((key) => ({ name: key.slice(0, -4), points: hours(key) })),
      },
    ],
    slopes: [
      `memory: ${round(of('own MiB') * 1_024, 0)} KiB an hour of DVR, ` +
        `${round(((rows.at(-1)['own MiB'] - rows[0]['own MiB']) * 1_048_576) / segments, 1)} B a segment of a rendition (target 64)`,
      `back after a start: ${round(of('back ms'), 1)} ms an hour of DVR`,
      ...reloads.map((key) => `${key.slice(0, -4)}: ${round(of(key), 2)} us an hour of DVR`),
      `whole dvr.m3u8: ${round(of('dvr whole, us'), 1)} us and ${round(of('dvr whole, KiB'), 1)} KiB (gzipped) an hour of DVR`,
    ],
  };
}

async function viewers(folder, seconds) {
  const clip = makeClip(folder, { kbps: 1_500, gop: 1, audioKbps: 128 });
  const rows = [];
  for (const count of VIEWERS) {
    rows.push(await withSteal(() => swarm(clip, count, seconds)));
    console.error(JSON.stringify(rows.at(-1)));
    if (!rows.at(-1).held) break;
  }
  const holding = rows.filter((row) => row.held);
  const points = (key, of = holding) => of.map((row) => [row.viewers, row[key]]);
  const [cpu, memory] = ['CPU ms/s', 'MiB'].map((key) => fit(points(key)));
  return {
    title: 'Viewers',
    about:
      'One channel of 1.5 Mbit/s in `ultra_low`, a publisher and [`sigma-probe swarm`](../load-with-sigma-probe.md) on the same machine. The last\n' +
      'row is the first number that does not hold (a stall, a failed request, or a 99th percentile of part fetches above a part), or the\n' +
      'most that was tried.',
    rows: rows.map(({ busy_percent, steal_percent, void: stolen, ...row }) => ({ ...row, 'machine %': busy_percent, void: stolen })),
    plots: [
      { title: 'CPU of the server', x: 'viewers', y: 'ms a second', series: [{ name: 'CPU', points: points('CPU ms/s', rows) }] },
      { title: 'Memory of the server', x: 'viewers', y: 'MiB', series: [{ name: 'resident', points: points('MiB', rows) }] },
    ],
    slopes: [
      `CPU: ${round(cpu.slope, 3)} ms a second for each viewer, where all hold`,
      `memory: ${round(memory.slope * 1_024, 1)} KiB a viewer, where all hold`,
      holding.length < rows.length
        ? `it holds with ${holding.at(-1)?.viewers ?? 0} viewers, not with ${rows.at(-1).viewers}: ${rows.at(-1)['busy with'] ?? ''}`
        : `it holds with ${rows.at(-1).viewers}, the most that were tried`,
    ].map((line) => line.replace(/: $/, '')),
  };
}

async function swarm(clip, count, seconds) {
  const server = await startServer(undefined, PLAIN);
  const channel = await server.channel('Bench');
  const sending = await publish(clip, [channel.publishUrl]);
  await until('a playlist', 20_000, async () => (await behind(channel.playback.hls_url)) !== null);
  await sleep(WARM_S * 1_000);
  const ramp = Math.max(3, Math.ceil(count / 150));
  const args = ['swarm', channel.playback.hls_url, '--viewers', count, '--ramp', `${ramp}s`, '--for', `${seconds}s`];
  const probe = start(built('sigma-probe'), [...args, '--pid', server.process.child.pid, '--json'].map(String));
  if ((await probe.ended) !== 0) throw new Error(`sigma-probe swarm failed:\n${probe.log()}`);
  const seen = JSON.parse(await probe.line());
  await sending.stop();
  await server.stop();
  const p99 = seen.part_ms?.p99 ?? Infinity;
  return {
    viewers: count,
    held: seen.joined === count && seen.stalls === 0 && seen.failed === 0 && p99 <= PART_MS,
    'CPU ms/s': round(seen.server.cpu_percent * 10, 0),
    'us a request': round(seen.server.cpu_us_per_request, 1),
    MiB: round(seen.server.memory_peak_bytes / 1_048_576, 1),
    'requests/s': round(seen.requests_per_s, 0),
    'Mbit/s': round(seen.mbit_per_s, 0),
    'part p99 ms': round(p99, 0),
    stalls: seen.stalls,
    'swarm CPU %': round(seen.swarm_cpu_percent, 0),
  };
}

async function channels(folder, seconds) {
  const clip = makeClip(folder, { kbps: 500, gop: 2 });
  const rows = [];
  for (const count of CHANNELS) {
    rows.push(await withSteal(() => transmux(clip, count, seconds)));
    console.error(JSON.stringify(rows.at(-1)));
    if (!rows.at(-1).held) break;
  }
  const holding = rows.filter((row) => row.held);
  const points = (key) => holding.map((row) => [row.channels, row[key]]);
  const [cpu, memory] = ['CPU ms/s', 'MiB'].map((key) => fit(points(key)));
  return {
    title: 'Channels',
    about:
      'So many channels in `ultra_low`, each with a publisher of 0.5 Mbit/s, recorded, without viewers; all publishers are one process on\n' +
      'the same machine. `late` is how long tags waited to be taken (99th percentile), `behind` how far the playlist furthest behind was from\n' +
      'the clock.',
    rows: rows.map(({ busy_percent, steal_percent, void: stolen, ...row }) => ({ ...row, 'machine %': busy_percent, void: stolen })),
    plots: [
      { title: 'CPU of the server', x: 'channels', y: 'ms a second', series: [{ name: 'CPU', points: points('CPU ms/s') }] },
      { title: 'Memory of the server', x: 'channels', y: 'MiB', series: [{ name: 'resident', points: points('MiB') }] },
    ],
    slopes: [`CPU: ${round(cpu.slope, 2)} ms a second for each channel`, `memory: ${round(memory.slope * 1_024, 0)} KiB a channel`],
  };
}

async function transmux(clip, count, seconds) {
  const server = await startServer(undefined, PLAIN);
  const pid = server.process.child.pid;
  const made = [];
  for (let n = 0; n < count; n++) made.push(await server.channel(`Bench ${n}`));
  const sending = await publish(clip, made.map((channel) => channel.publishUrl));
  await sleep(WARM_S * 1_000);
  await sending.figures();
  const { cpu_percent } = await watch([pid], seconds);
  const { late_p99_ms, lost } = await sending.figures();
  const distances = [];
  for (let n = 0; n < count; n += Math.ceil(count / 20)) distances.push((await behind(made[n].playback.hls_url)) ?? Infinity);
  const mib = round(memoryKib(pid).all / 1_024, 1);
  await sending.stop();
  await server.stop();
  const behind_s = round(Math.max(...distances));
  return {
    channels: count,
    held: lost === 0 && late_p99_ms < 500 && behind_s < 1.5,
    'CPU ms/s': round(cpu_percent * 10, 0),
    MiB: mib,
    'late ms': late_p99_ms,
    'behind s': behind_s,
  };
}
