// Pages with stock players and nothing of ours, from a server of their own.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { resolve } from 'node:path';

const modules = resolve(import.meta.dirname, 'node_modules');

/** Each sets `window.load`, which begins with `url`, and says `tell(what, fatal)` of each error. */
const players = {
  'hls.js': {
    script: 'hls.js/dist/hls.min.js',
    load: `() => {
      const hls = (window.hls = new Hls());
      hls.on(Hls.Events.ERROR, (_, data) => {
        tell(data.details, data.fatal);
        if (data.fatal && !begun) { hls.destroy(); setTimeout(load, 50); }
      });
      hls.loadSource(url);
      hls.attachMedia(video);
    }`,
  },
  shaka: {
    script: 'shaka-player/dist/shaka-player.compiled.js',
    load: `async () => {
      const player = new shaka.Player();
      // What isn't an error of its own is a fault in its code, and fatal.
      const failed = (error) => tell(error.code ? error.category + ' ' + error.code : String(error.stack ?? error), error.severity !== 1);
      player.addEventListener('error', (event) => failed(event.detail));
      try {
        await player.attach(video);
        await player.load(url, null, 'application/x-mpegurl');
      } catch (error) {
        failed(error);
        await player.destroy();
        setTimeout(load, 50);
      }
    }`,
  },
  'video.js': {
    script: 'video.js/dist/video.min.js',
    load: `() => {
      const player = videojs(video, { html5: { vhs: { overrideNative: true } } });
      player.on('error', () => tell(player.error()?.message, true));
      player.src({ src: url, type: 'application/x-mpegurl' });
    }`,
  },
};

export const names = Object.keys(players);

const page = (name) => `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<style>video, .video-js { width: 1280px; height: 720px }</style><video muted playsinline autoplay></video>
<script src="/script/${name}"></script><script>
  const video = document.querySelector('video');
  const stats = (window.stats = { stalls: 0, waits: [], jumps: 0, errors: [], fatal: [], first: null });
  const tell = (what, fatal) => (fatal ? stats.fatal : stats.errors).push(what);
  let begun = false;
  video.addEventListener('playing', () => {
    begun = true;
    for (const wait of stats.waits) wait.ms ??= Date.now() - stats.first - wait.at;
  });
  video.addEventListener('seeking', () => begun && stats.jumps++);
  // Players seek once as they begin: that is no stall.
  video.addEventListener('waiting', () => {
    if (!begun || video.seeking) return;
    stats.stalls++;
    stats.waits.push({ at: Date.now() - stats.first });
  });
  video.requestVideoFrameCallback(() => (stats.first = Date.now()));
  const url = new URLSearchParams(location.search).get('url');
  const load = ${players[name].load};
  load();
</script>`;

/**
 * `{ url(playlist, player), close() }`. `window.stats` on the page: `{ stalls, waits, jumps, errors, fatal, first }`;
 * `waits` has, for each stall, `at`, in ms after the first frame, and `ms`, how long it took once it is over.
 */
export async function stockPlayers() {
  const server = createServer((request, response) => {
    const [, what, name] = new URL(request.url, 'http://page').pathname.split('/');
    if (!players[name]) return response.writeHead(404).end();
    const isScript = what === 'script';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? readFileSync(resolve(modules, players[name].script)) : page(name));
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const origin = `http://127.0.0.1:${server.address().port}`;
  return {
    url: (playlist, name = 'hls.js') => `${origin}/page/${name}?url=${encodeURIComponent(playlist)}`,
    close: () => server.close(),
  };
}
