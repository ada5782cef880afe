// A page with stock hls.js and nothing of ours, from a server of its own.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { resolve } from 'node:path';

const script = resolve(import.meta.dirname, '../node_modules/hls.js/dist/hls.min.js');
const html = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><video muted playsinline autoplay style="width:1280px"></video>
<script src="/hls.js"></script><script>
  const video = document.querySelector('video');
  window.stats = { stalls: 0, errors: [], first: null };
  let begun = false;
  video.addEventListener('playing', () => (begun = true));
  video.addEventListener('waiting', () => begun && window.stats.stalls++);
  video.requestVideoFrameCallback(() => (window.stats.first = Date.now()));
  const url = new URLSearchParams(location.search).get('url');
  const load = () => {
    const hls = new Hls();
    hls.on(Hls.Events.ERROR, (_, data) => {
      window.stats.errors.push(data.details);
      if (data.fatal && !begun) { hls.destroy(); setTimeout(load, 50); }
    });
    hls.loadSource(url);
    hls.attachMedia(video);
  };
  load();
</script>`;

/** `{ url(playlist), close() }` */
export async function stockPlayer() {
  const server = createServer((request, response) => {
    const isScript = request.url === '/hls.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? readFileSync(script) : html);
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const origin = `http://127.0.0.1:${server.address().port}`;
  return { url: (playlist) => `${origin}/?url=${encodeURIComponent(playlist)}`, close: () => server.close() };
}
