// What every benchmark does with its runs: all are shown, the median of the best three is quoted, and a run on a machine
// whose time was stolen is void.
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** The share of CPU time, in percent, that the hypervisor took while `work` ran (Linux; 0 elsewhere). */
export async function withSteal(work) {
  const ticks = () => {
    try {
      return readFileSync('/proc/stat', 'utf8').split('\n')[0].trim().split(/\s+/).slice(1, 9).map(Number);
    } catch {
      return [0, 0, 0, 1, 0, 0, 0, 0];
    }
  };
  const before = ticks();
  const result = await work();
  const spent = ticks().map((n, i) => n - before[i]);
  const all = spent.reduce((a, b) => a + b, 0) || 1;
  const steal = (100 * spent[7]) / all;
  const idle = (100 * spent[3]) / all;
  return { ...result, steal_percent: round(steal, 2), busy_percent: round(100 - idle, 0), void: steal > 1 };
}

export const round = (value, digits = 2) => (Number.isFinite(value) ? Number(value.toFixed(digits)) : null);

export const percentile = (list, p) => list.toSorted((a, b) => a - b)[Math.min(list.length - 1, Math.floor((list.length * p) / 100))];

/** The median of the three smallest figures of the runs that count. */
export function quoted(runs, figure) {
  const best = runs.filter((run) => !run.void && Number.isFinite(run[figure])).map((run) => run[figure]).toSorted((a, b) => a - b).slice(0, 3);
  return best.length ? best[Math.floor(best.length / 2)] : null;
}

/** A line a run, then a line of what is quoted beside its target. */
export function report(name, runs, targets, peers = []) {
  console.log(`\n${name} (${availableParallelism()} cores)`);
  for (const [i, run] of runs.entries()) console.log(`  run ${i + 1}: ${JSON.stringify(run)}`);
  const result = {};
  for (const [figure, target] of Object.entries(targets)) {
    const value = quoted(runs, figure);
    const theirs = peers.length ? quoted(peers, figure) : null;
    result[figure] = { value, target, met: value !== null && value <= target };
    if (theirs !== null) Object.assign(result[figure], { mediamtx: theirs, ratio: round(value / theirs) });
    const beside = theirs === null ? '' : `, MediaMTX ${theirs}, ratio ${round(value / theirs)}`;
    console.log(`  ${figure}: ${value} (target ${target}${beside})${result[figure].met ? '' : '  MISSED'}`);
  }
  for (const [i, run] of peers.entries()) console.log(`  MediaMTX run ${i + 1}: ${JSON.stringify(run)}`);
  if (!peers.length) console.log('  not compared: name a peer with --peer mediamtx=PATH');
  return { bench: name, quoted: result, runs, peers };
}
