// How the console reaches its server: the desktop shell hands the address and the token over, in a browser a person
// signs in with a token. The token lives as long as the tab.
import { Api, Failure } from '../api/client';
import { inDesktop, shell } from '../desktop/bridge';

const KEY = 'sigma.token';

type State =
  | { name: 'starting' }
  | { name: 'signedOut'; failure: Failure | null }
  | { name: 'ready'; api: Api; goLive: string | null }
  | { name: 'failed'; failure: Failure };

export class Link {
  state = $state.raw<State>({ name: 'starting' });

  async start() {
    if (inDesktop) {
      void shell.onServerLost((failure) => (this.state = { name: 'failed', failure }));
      await this.#fromShell();
      return;
    }
    const token = tokenFromAddress() ?? sessionStorage.getItem(KEY);
    if (token) await this.signIn(token);
    else this.state = { name: 'signedOut', failure: null };
  }

  async #fromShell() {
    try {
      const { url, token, go_live } = await shell.connection();
      this.state = { name: 'ready', api: new Api(url, token), goLive: go_live };
    } catch (error) {
      this.state = { name: 'failed', failure: asFailure(error) };
    }
  }

  async signIn(token: string) {
    const api = new Api('', token);
    try {
      await api.channels();
      sessionStorage.setItem(KEY, token);
      this.state = { name: 'ready', api, goLive: null };
    } catch (error) {
      const failure = asFailure(error);
      if (failure.code === 'unauthorized') sessionStorage.removeItem(KEY);
      this.state = { name: 'signedOut', failure };
    }
  }

  signOut(failure: Failure | null = null) {
    sessionStorage.removeItem(KEY);
    this.state = { name: 'signedOut', failure };
  }
}

/** `#token=…` in the address, as a link that a terminal prints; taken out of the address at once. */
function tokenFromAddress(): string | null {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token) history.replaceState(null, '', location.pathname + location.search);
  return token;
}

export function asFailure(error: unknown): Failure {
  return error instanceof Failure ? error : new Failure('unexpected', String(error));
}
