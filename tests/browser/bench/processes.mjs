// What processes take of the machine, from /proc (Linux).
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { round } from './figures.mjs';

const TICK_MS = 10; // sysconf(_SC_CLK_TCK) is 100 wherever Linux runs on a server

/** Its own pid and those of its children. */
export function family(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return [pid, ...children.split(' ').filter(Boolean).map(Number)];
}

/** CPU time so far, in ms, of all threads together. */
export function cpuMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Resident memory in KiB: all of it, and what is the program's own (no files mapped in). */
export function memoryKib(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name) => Number(status.match(new RegExp(`${name}:\\s+(\\d+) kB`))?.[1] ?? 0);
  return { all: field('VmRSS'), own: field('RssAnon') };
}

/** Waits for `seconds` while `pids` work: CPU in percent of one core, memory at the end in MiB. */
export async function watch(pids, seconds) {
  const cpu = () => pids.reduce((sum, pid) => sum + cpuMs(pid), 0);
  const [before, begun] = [cpu(), performance.now()];
  await sleep(seconds * 1_000);
  const spent = (100 * (cpu() - before)) / (performance.now() - begun);
  return { cpu_percent: round(spent, 1), mib: round(pids.reduce((sum, pid) => sum + memoryKib(pid).all, 0) / 1_024, 1) };
}
