// Asks the server whether there is something to play.
import type { Input } from './machine';

export async function probe(
  base: string,
  playbackId: string,
  token: string | null,
  signal: AbortSignal,
): Promise<Input> {
  let response: Response;
  try {
    response = await fetch(liveUrl(base, playbackId, token), { cache: 'no-store', signal });
  } catch (error) {
    if (signal.aborted) throw error;
    return { type: 'unreachable' };
  }
  const text = await response.text().catch(() => '');
  return answer(response.status, text);
}

/** Of a signed channel, the playlist takes the viewer's token; what it lists needs none. */
export function liveUrl(base: string, playbackId: string, token: string | null): string {
  return `${base}/live/${encodeURIComponent(playbackId)}/index.m3u8${query(token)}`;
}

export function replayUrl(base: string, session: string, token: string | null): string {
  return `${base}/vod/${encodeURIComponent(session)}/index.m3u8${query(token)}`;
}

function query(token: string | null): string {
  return token ? `?token=${encodeURIComponent(token)}` : '';
}

export function answer(status: number, body: string): Input {
  if (status === 200) return { type: 'present', session: sessionOf(body) };
  const code = problemCode(body);
  // A session that has no picture yet has no playlist yet.
  if (code === 'session_starting' || status === 503) return { type: 'starting' };
  if (code === 'playback_not_found') return { type: 'unknown' };
  if (status === 401 || status === 403) return { type: code === 'token_expired' ? 'expired' : 'denied' };
  if (status === 404 || status === 410) return { type: 'absent' };
  return { type: 'unreachable' };
}

/** The session in a multivariant playlist's rendition addresses; empty where there is none. */
export function sessionOf(playlist: string): string {
  return /\bses_[0-9A-Za-z]+/.exec(playlist)?.[0] ?? '';
}

function problemCode(body: string): string | null {
  try {
    const problem: unknown = JSON.parse(body);
    if (typeof problem === 'object' && problem !== null && 'code' in problem) return String(problem.code);
  } catch {
    // not a problem document
  }
  return null;
}
