// nginx as a server of files: one process, as Debian packages it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { start } from '../programs.mjs';
import { answers, freePort } from './ports.mjs';

/** What it says of itself; nothing where there is none. */
export const nginxVersion = spawnSync('nginx', ['-v'], { encoding: 'utf8' }).stderr?.trim();

/** Serves the files under a folder. */
export async function startNginx(files) {
  const [port, folder] = [await freePort(), mkdtempSync(join(tmpdir(), 'nginx-'))];
  const config = join(folder, 'nginx.conf');
  // In one process, whose CPU time is all there is. Nobody is told to come again on a new connection.
  writeFileSync(
    config,
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
    events { worker_connections 65536; }
    http {
      access_log off; sendfile on; tcp_nodelay on; keepalive_requests 10000000; keepalive_timeout 600s;
      types { application/vnd.apple.mpegurl m3u8; video/mp4 m4s mp4; }
      server { listen 127.0.0.1:${port} backlog=4096; root ${files}; }
    }`,
  );
  const nginx = start('nginx', ['-p', folder, '-c', config, '-e', join(folder, 'error.log')]);
  while (!(await answers(port))) await sleep(5);
  return { pid: nginx.child.pid, url: `http://127.0.0.1:${port}`, stop: () => nginx.stop() };
}
