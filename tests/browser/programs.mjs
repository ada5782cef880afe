// The built programs as child processes on free ports, never left behind.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const root = resolve(import.meta.dirname, '../..');
const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');

/** The path of a program of this workspace; `profile` is `debug` unless told. */
export function built(name, profile = process.env.SIGMA_PROFILE ?? 'debug') {
  const path = join(target, profile, name);
  if (!existsSync(path)) throw new Error(`${path} is not built: \`cargo xtask test\` and \`cargo xtask bench\` do that first`);
  return path;
}

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** Starts a program; `log` collects what it prints. */
export function start(program, args, env = {}) {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  running.add(child);
  const log = [];
  const waiting = [];
  const lines = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    log.push(line);
    const next = waiting.shift();
    if (next) next(line);
    else lines.push(line);
  });
  createInterface({ input: child.stderr }).on('line', (line) => log.push(line));
  const ended = new Promise((done) => {
    child.once('error', (error) => {
      log.push(String(error));
      done(null);
    });
    child.once('exit', (code) => {
      running.delete(child);
      done(code);
    });
  });
  return {
    child,
    ended,
    log: () => log.join('\n'),
    line: () => (lines.length ? Promise.resolve(lines.shift()) : new Promise((next) => waiting.push(next))),
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      return ended;
    },
  };
}

/** A server's configuration without what no peer does: thumbnails. */
export const PLAIN = '[thumbnails]\nevery_s = 0\n';
/** What goes with it: nothing is decoded to be judged. */
const UNWATCHED = {
  detectors: Object.fromEntries(
    ['black', 'frozen', 'silence', 'clipping', 'loudness', 'av_drift'].map((name) => [name, { on: false }]),
  ),
};

/** A server on an empty folder of its own, or on one that is kept. */
export async function startServer(kept, config) {
  const data = kept ?? mkdtempSync(join(tmpdir(), 'sigma-'));
  if (config) writeFileSync(join(data, 'sigma.toml'), config);
  const server = start(built('sigma-server'), [
    ...['--data-dir', data, '--http', '127.0.0.1:0', '--rtmp', '127.0.0.1:0', '--ready-json'],
  ]);
  const first = await Promise.race([server.line(), server.ended]);
  if (typeof first !== 'string') throw new Error(`sigma-server did not start:\n${server.log()}`);
  const ready = JSON.parse(first);
  const api = async (method, path, body) => {
    const response = await fetch(`${ready.http}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${ready.admin_token}`, 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text && JSON.parse(text);
  };
  return {
    ...ready,
    api,
    process: server,
    log: server.log,
    async channel(name, settings = {}) {
      const plain = config === PLAIN ? UNWATCHED : {};
      const channel = await api('POST', '/channels', { name, ...plain, ...settings });
      return { ...channel, publishUrl: `${ready.rtmp}/live/${channel.stream_key}`, watchUrl: `${ready.http}/watch/${channel.playback.id}` };
    },
    async stop() {
      await server.stop();
      if (!kept) rmSync(data, { recursive: true, force: true });
    },
  };
}

/** The path of a file to publish (see `sigma-fixture`). */
export const fixture = (name) => execFileSync(built('sigma-fixture'), [name], { encoding: 'utf8' }).trim();

/** ffmpeg publishes a file in real time, over and over, without touching its coded media. */
export const publishFile = (file, url) =>
  start('ffmpeg', ['-hide_banner', '-nostdin', '-v', 'warning', '-re', '-stream_loop', '-1', '-i', file, '-c', 'copy', '-f', 'flv', url]);

/** GStreamer's own test picture and tone, by rtmp2sink. */
export const publishGStreamer = (url) =>
  start(
    'gst-launch-1.0',
    `-e videotestsrc is-live=true ! video/x-raw,format=I420,width=640,height=360,framerate=30/1
      ! x264enc speed-preset=veryfast tune=0 bitrate=1000 key-int-max=30 bframes=2 ! video/x-h264,profile=high ! h264parse ! queue ! mux.
      audiotestsrc is-live=true samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=2 ! audioconvert ! voaacenc bitrate=128000
      ! aacparse ! audio/mpeg,mpegversion=4,stream-format=raw ! queue ! mux.
      flvmux name=mux streamable=true latency=100000000 ! rtmp2sink location=${url}`.split(/\s+/),
  );

/** Our broadcaster's test card and tone. */
export const publishCard = (channel, rtmp, ...args) =>
  start(built('sigma-broadcast'), ['--to', `${rtmp}/live`, '--source', 'testcard', '--json', ...args], {
    SIGMA_STREAM_KEY: channel.stream_key,
  });

/** Asks until there is an answer. */
export async function until(what, limitMs, ask) {
  const end = Date.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`waited ${limitMs} ms for ${what}`);
    await sleep(50);
  }
}
