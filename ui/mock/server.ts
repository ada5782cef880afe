// A stand-in for sigma-server in `npm run dev:mock`: fixed channels and sessions to design against. Not shipped.
import type { Connect, Plugin } from 'vite';
import { channels, sessions, assets } from './data.ts';

export function mockServer(): Plugin {
  return { name: 'mock-server', configureServer: ({ middlewares }) => void middlewares.use(answer) };
}

const answer: Connect.NextHandleFunction = (request, response, next) => {
  const { pathname } = new URL(request.url ?? '/', 'http://mock');
  const json = (status: number, body: unknown) => {
    response.statusCode = status;
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify(body));
  };
  if (pathname.startsWith('/watch/')) {
    request.url = '/watch.html';
    return next();
  }
  if (pathname.startsWith('/live/pb_starting/')) return json(404, { code: 'session_starting' });
  if (pathname.startsWith('/live/pb_unknown/')) return json(404, { code: 'playback_not_found' });
  if (pathname.startsWith('/live/pb_broken/')) return json(500, {});
  if (pathname.startsWith('/live/')) return json(404, { code: 'not_live' });
  if (!pathname.startsWith('/api/v1/')) return next();
  const [kind, id, sub] = pathname.slice('/api/v1/'.length).split('/');
  if (request.headers.authorization === 'Bearer wrong') {
    return json(401, { code: 'token_unknown', detail: 'This token is not known here.', request_id: 'req_1' });
  }
  const empty = request.headers.authorization === 'Bearer empty';
  if (kind === 'channels' && !id) return json(200, { data: empty ? [] : channels() });
  if (kind === 'channels' && sub === 'sessions') return json(200, { data: sessions(id ?? '') });
  if (kind === 'sessions' && sub === 'assets') return json(200, { data: assets(id ?? '') });
  return json(404, { code: 'not_found', detail: 'The mock does not know this.' });
};
