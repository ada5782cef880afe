// nginx with its RTMP module as the peer: one worker, HLS on disk with segments of 6 s as `normal` has them.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { start, until } from '../programs.mjs';
import { answers, freePort } from './ports.mjs';
import { family } from './processes.mjs';

/** Where its RTMP module is; null where it has none. */
export function rtmpModule(path) {
  const said = execFileSync('sh', ['-c', '"$0" -V 2>&1', path], { encoding: 'utf8' });
  const module = join(said.match(/--modules-path=(\S+)/)?.[1] ?? '/usr/lib/nginx/modules', 'ngx_rtmp_module.so');
  return existsSync(module) ? module : null;
}

export async function startNginx(path) {
  const folder = mkdtempSync(join(tmpdir(), 'nginx-'));
  const hls = join(folder, 'hls');
  mkdirSync(hls);
  const port = await freePort();
  const user = process.getuid() === 0 ? 'user root;' : '';
  const config = `${user} daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log warn;
load_module ${rtmpModule(path)};
events { worker_connections 8192; }
rtmp { server { listen 127.0.0.1:${port}; application live {
  live on; hls on; hls_path ${hls}; hls_nested on; hls_fragment 6s; hls_playlist_length 30s;
} } }
`;
  writeFileSync(join(folder, 'nginx.conf'), config);
  const server = start(path, ['-p', folder, '-e', join(folder, 'error.log'), '-c', join(folder, 'nginx.conf')]);
  await until('nginx', 5_000, () => answers(port));
  return {
    pids: () => family(server.child.pid),
    publishUrl: (n) => `rtmp://127.0.0.1:${port}/live/bench-${n}`,
    /** Whether that publisher's playlist lists a segment. */
    serves: async (n) => {
      const playlist = join(hls, `bench-${n}`, 'index.m3u8');
      return existsSync(playlist) && readFileSync(playlist, 'utf8').includes('.ts');
    },
    async stop() {
      await server.stop('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
