// Many light publishers in one process (crates/rtmp/examples/publishers.rs), and the files that they send.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { built, start } from '../programs.mjs';

/** An FLV file of 20 s: H.264 with a key frame each `gop` seconds at a constant rate, and AAC. */
export function makeClip(folder, { kbps, gop = 2, size = '640x360', audioKbps = 96 }) {
  const clip = join(folder, `clip-${kbps}-${gop}.flv`);
  const video = kbps - audioKbps;
  const rate = ['-b:v', `${video}k`, '-minrate', `${video}k`, '-maxrate', `${video}k`, '-bufsize', `${video}k`];
  execFileSync('ffmpeg', [
    ...['-hide_banner', '-nostdin', '-y', '-v', 'error', '-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=30`],
    ...['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000', '-t', '20', '-c:v', 'libx264', '-preset', 'veryfast'],
    ...['-tune', 'zerolatency', '-g', String(30 * gop), '-keyint_min', String(30 * gop), '-sc_threshold', '0', ...rate],
    ...['-nal-hrd', 'cbr', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-b:a', `${audioKbps}k`, '-ac', '2', clip],
  ]);
  return clip;
}

/** Publishes to all of `urls`; returns once every server said go. */
export async function publish(clip, urls, { idle = false } = {}) {
  const program = start(built('examples/publishers'), [clip, ...(idle ? ['--idle'] : [])]);
  const next = async () => {
    const line = await Promise.race([program.line(), program.ended]);
    if (typeof line !== 'string') throw new Error(`the publishers ended:\n${program.log()}`);
    return JSON.parse(line);
  };
  program.child.stdin.write(`${urls.join('\n')}\n\n`);
  await next();
  return {
    pid: program.child.pid,
    /** How late tags were since the last call, and who was lost. */
    figures() {
      program.child.stdin.write('\n');
      return next();
    },
    stop: () => program.stop('SIGKILL'),
  };
}
