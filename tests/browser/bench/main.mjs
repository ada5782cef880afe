// `node bench/main.mjs latency|start [--runs N] [--peer mediamtx=PATH]`: figures of the whole pipeline in a real browser. The
// last line is one JSON object. `cargo xtask bench` builds what it needs and calls it.
import { parseArgs } from 'node:util';
import { latency } from './latency.mjs';
import { start } from './start.mjs';

const benches = { latency, start };
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '5' }, peer: { type: 'string' }, size: { type: 'string', default: '1280x720' } },
});
const bench = benches[positionals[0]];
const runs = Number(values.runs);
const peer = values.peer?.match(/^mediamtx=(.+)$/)?.[1];
if (!bench || positionals.length !== 1 || !(runs >= 1) || (values.peer && !peer)) {
  console.error(`usage: bench ${Object.keys(benches).join('|')} [--runs N] [--size WxH] [--peer mediamtx=PATH]`);
  process.exit(2);
}
console.log(JSON.stringify(await bench({ runs, peer, size: values.size })));
process.exit(0);
