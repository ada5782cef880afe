// `node bench/main.mjs NAME OPTIONS`: figures of the whole pipeline. OPTIONS is one JSON object; `cargo xtask bench` checks
// what it is told, builds what a benchmark needs and calls this. The last line is one JSON object.
const [name, options] = process.argv.slice(2);
if (!['filters', 'growth', 'ingest', 'latency', 'start', 'swarm', 'transcode'].includes(name) || !options) {
  console.error('call it by `cargo xtask bench`');
  process.exit(2);
}
const benches = await import(`./${name}.mjs`);
console.log(JSON.stringify(await benches[name](JSON.parse(options))));
process.exit(0);
