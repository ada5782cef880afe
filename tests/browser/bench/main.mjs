// `node bench/main.mjs latency|start|swarm [--runs N] [--peer mediamtx=PATH]`: figures of the whole pipeline. The
// last line is one JSON object. `cargo xtask bench` builds what it needs and calls it.
import { parseArgs } from 'node:util';
import { latency } from './latency.mjs';
import { start } from './start.mjs';
import { swarm } from './swarm.mjs';

const benches = { latency, start, swarm };
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '5' }, peer: { type: 'string' }, size: { type: 'string', default: '1280x720' }, viewers: { type: 'string', default: '500' } },
});
const bench = benches[positionals[0]];
const [runs, viewers] = [Number(values.runs), Number(values.viewers)];
const peer = values.peer?.match(/^mediamtx=(.+)$/)?.[1];
if (!bench || positionals.length !== 1 || !(runs >= 1) || !(viewers >= 1) || (values.peer && !peer)) {
  console.error(`usage: bench ${Object.keys(benches).join('|')} [--runs N] [--size WxH] [--viewers N] [--peer mediamtx=PATH]`);
  process.exit(2);
}
console.log(JSON.stringify(await bench({ runs, peer, viewers, size: values.size })));
process.exit(0);
