// The few calls that the console makes. Every failure is one `Failure`, with a code to translate and what to do.
import type { Asset, Channel, Session } from './types';

/** A call that did not do what it was asked. `code` is the server's, or `offline`, or `program_…` from the desktop shell. */
export class Failure extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly requestId: string | null = null,
  ) {
    super(message);
  }
}

export interface Page<T> {
  data: T[];
  next_cursor?: string | null;
}

export type Order = 'start' | 'stop' | 'restream';

export class Api {
  constructor(
    /** Where the server is; empty on a page that it serves itself. */
    readonly url: string,
    private readonly token: string,
  ) {}

  async channels(): Promise<Channel[]> {
    return (await this.#call<Page<Channel>>('GET', '/channels?limit=100')).data;
  }

  createChannel(name: string): Promise<Channel> {
    return this.#call('POST', '/channels', { name });
  }

  order(channel: string, order: Order): Promise<unknown> {
    return this.#call('POST', `/channels/${encodeURIComponent(channel)}/${order}`);
  }

  async sessions(channel: string): Promise<Session[]> {
    return (
      await this.#call<Page<Session>>('GET', `/channels/${encodeURIComponent(channel)}/sessions?limit=20`)
    ).data;
  }

  async assets(session: string): Promise<Asset[]> {
    return (await this.#call<Page<Asset>>('GET', `/sessions/${encodeURIComponent(session)}/assets`)).data;
  }

  async #call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const headers: Record<string, string> = { Authorization: `Bearer ${this.token}` };
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    // A request that is sent twice by a nervous network must not make two channels.
    if (method === 'POST') headers['Idempotency-Key'] = crypto.randomUUID();
    let response: Response;
    try {
      response = await fetch(`${this.url}/api/v1${path}`, {
        method,
        headers,
        cache: 'no-store',
        signal: AbortSignal.timeout(10_000),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch {
      throw new Failure('offline', 'The server does not answer.');
    }
    const answer: unknown = await response.json().catch(() => null);
    if (!response.ok) throw failure(response.status, answer);
    return answer as T;
  }
}

/** From problem details (RFC 9457), or from whatever stood in their place. */
export function failure(status: number, body: unknown): Failure {
  const problem = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const text = (name: string) => (typeof problem[name] === 'string' ? problem[name] : null);
  const code = status === 401 ? 'unauthorized' : (text('code') ?? `http_${status}`);
  return new Failure(code, text('detail') ?? text('title') ?? `HTTP ${status}`, text('request_id'));
}
