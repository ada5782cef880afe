// What the console knows of the server, asked for once a second.
import type { Api, Failure, Order } from '../api/client';
import type { Channel, Session } from '../api/types';
import { asFailure } from './link.svelte';

const POLL = 1000;

export class Desk {
  /** Undefined until the first answer. */
  channels = $state.raw<Channel[]>();
  sessions = $state.raw<Session[]>([]);
  /** The last poll failed: what is shown is old. */
  stale = $state.raw<Failure | null>(null);
  now = $state(Date.now());
  selectedId = $state<string | null>(null);

  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(
    readonly api: Api,
    private readonly refused: (failure: Failure) => void,
  ) {}

  get selected(): Channel | undefined {
    return this.channels?.find((channel) => channel.id === this.selectedId) ?? this.channels?.[0];
  }

  get running(): Session | undefined {
    const id = this.selected?.live_session_id;
    return id ? this.sessions.find((session) => session.id === id) : undefined;
  }

  async start() {
    if (this.#closed) return;
    await this.refresh();
    if (!this.#closed) this.#timer = setTimeout(() => void this.start(), POLL);
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async refresh() {
    this.now = Date.now();
    try {
      const channels = await this.api.channels();
      if (!same(channels, this.channels)) this.channels = channels;
      const asked = this.selected?.id;
      const sessions = asked ? await this.api.sessions(asked) : [];
      // The person may have chosen another channel meanwhile.
      if (asked === this.selected?.id && !same(sessions, this.sessions)) this.sessions = sessions;
      this.stale = null;
    } catch (error) {
      const failure = asFailure(error);
      if (failure.code === 'unauthorized') this.refused(failure);
      this.stale = failure;
    }
  }

  async select(id: string) {
    if (this.selected?.id !== id) this.sessions = [];
    this.selectedId = id;
    await this.refresh();
  }

  async create(name: string): Promise<Channel> {
    const channel = await this.api.createChannel(name);
    await this.select(channel.id);
    return channel;
  }

  async order(order: Order) {
    const channel = this.selected;
    if (!channel) return;
    await this.api.order(channel.id, order);
    await this.refresh();
  }
}

/** Equal answers must not touch the page: a focus or a selection would be lost, and figures would flicker. */
function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
