// Glass to glass: the clock burnt into the test card against the page's clock, on one machine, with stock hls.js.
import { setTimeout as sleep } from 'node:timers/promises';
import { openBrowser, openPage } from '../browser.mjs';
import { install } from '../card.mjs';
import { built, start, startServer, until } from '../programs.mjs';
import { percentile, report, round, withSteal } from './figures.mjs';
import { startMediamtx } from './mediamtx.mjs';
import { stockPlayers } from '../players.mjs';

const JOINS = 5;
const JOIN_S = 24; // five of them are two minutes

export async function latency({ runs, peer, size }) {
  const player = await stockPlayers();
  const browser = await openBrowser();
  const [ours, theirs] = [[], []];
  for (let i = 0; i < runs; i++) {
    ours.push(await withSteal(() => onOurs(browser, player, size)));
    console.error(`run ${i + 1} of ${runs}: ${JSON.stringify(ours.at(-1))}`);
    if (peer) theirs.push(await withSteal(() => onPeer(browser, player, peer, size)));
  }
  await browser.close();
  player.close();
  return report('latency', ours, { p50_s: 1.5, p95_s: 2.0, stalls: 0 }, theirs);
}

async function onOurs(browser, player, size) {
  const server = await startServer();
  const channel = await server.channel('Bench');
  const result = await measure(browser, player, channel.publishUrl, channel.playback.hls_url, size);
  await server.stop();
  return result;
}

async function onPeer(browser, player, path, size) {
  const server = await startMediamtx(path);
  const result = await measure(browser, player, server.publishUrl, server.hlsUrl, size);
  await server.stop();
  return result;
}

async function measure(browser, player, publishUrl, hlsUrl, size) {
  const publisher = start(built('sigma-broadcast'), ['--to', publishUrl, '--source', 'testcard', '--size', size, '--fps', '30', '--json']);
  await until('a playlist', 20_000, async () => (await fetch(hlsUrl).catch(() => null))?.ok);
  const samples = [];
  const joins = [];
  let stalls = 0;
  let errors = [];
  for (let join = 0; join < JOINS; join++) {
    await sleep(137 * join); // joins fall on odd places of the GOP
    const page = await openPage(browser, player.url(hlsUrl));
    await page.evaluate(install);
    await sleep(JOIN_S * 1_000);
    const [frames, stats] = await page.evaluate(() => [window.card.frames, window.stats]);
    const seen = frames.map((f) => f.latencyMs / 1_000);
    samples.push(...seen);
    joins.push({ p50_s: round(percentile(seen, 50)), frames: seen.length, shown_fps: round(seen.length / JOIN_S, 1), stalls: stats.stalls });
    stalls += stats.stalls;
    errors = errors.concat(stats.errors);
    await page.context().close();
  }
  await publisher.stop('SIGINT');
  return { p50_s: round(percentile(samples, 50)), p95_s: round(percentile(samples, 95)), max_s: round(Math.max(...samples)), stalls, joins, errors };
}
