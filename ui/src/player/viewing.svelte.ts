// Runs the machine: asks the server, drives the player, keeps the latency figure.
import * as config from './config';
import { open, type Engine } from './engine';
import { initial, next, probes, session, type Input, type State } from './machine';
import { liveUrl, probe, replayUrl } from './probe';

export interface Place {
  /** The server's address; empty on a page that it serves itself. */
  base: string;
  playbackId: string;
  /** What lets the viewer into a signed channel. */
  token: string | null;
  /** A session whose recording is shown first. */
  recording: string | null;
}

export class Viewing {
  state = $state<State>(initial);
  /** Milliseconds behind the wall clock; null while unknown. */
  latency = $state<number | null>(null);

  #engine: Engine | null;
  #abort = new AbortController();
  #ticker: ReturnType<typeof setInterval>;
  #probing = false;

  constructor(
    private readonly place: Place,
    video: HTMLVideoElement,
  ) {
    if (place.recording) this.state = { name: 'ended', session: place.recording };
    this.#engine = open(video, (input) => this.tell(input));
    this.#ticker = setInterval(() => this.#measure(), config.LATENCY_INTERVAL);
    if (!this.#engine) this.tell({ type: 'unsupported' });
    else if (place.recording) this.tell({ type: 'replay' });
    else void this.#probeWhileNeeded();
  }

  tell(input: Input) {
    const before = this.state;
    const after = next(before, input);
    if (after === before) return;
    this.state = after;
    this.#apply(before, after);
  }

  close() {
    this.#abort.abort();
    clearInterval(this.#ticker);
    this.#engine?.destroy();
    this.#engine = null;
  }

  #apply(before: State, after: State) {
    if (after.name === 'joining') {
      this.#engine?.load(liveUrl(this.place.base, this.place.playbackId, this.place.token), true);
    } else if (after.name === 'replay' && before.name !== 'replay') {
      this.#engine?.load(replayUrl(this.place.base, after.session, this.place.token), false);
    } else if (after.name === 'offline' || after.name === 'error' || after.name === 'loading') {
      if (session(before) !== '') this.#engine?.unload();
    } else if (after.name === 'ended' && before.name === 'joining') {
      this.#engine?.unload();
    }
    if (probes(after)) void this.#probeWhileNeeded();
  }

  async #probeWhileNeeded() {
    if (this.#probing) return;
    this.#probing = true;
    let waited = 0;
    while (!this.#abort.signal.aborted && probes(this.state)) {
      try {
        this.tell(await probe(this.place.base, this.place.playbackId, this.place.token, this.#abort.signal));
      } catch {
        break; // the page has let go of this player
      }
      if (!probes(this.state)) break;
      const delay = config.probeDelay(waited);
      waited += delay;
      await new Promise((done) => setTimeout(done, delay));
    }
    this.#probing = false;
  }

  #measure() {
    const running = this.state.name === 'live' || this.state.name === 'joining';
    const latency = running ? (this.#engine?.latency() ?? null) : null;
    this.latency = latency === null ? null : Math.round(latency);
  }
}
