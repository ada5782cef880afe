// The broadcast of this desktop window.
import type { Failure } from '../api/client';
import type { Channel } from '../api/types';
import { shell, type BroadcastState, type Line, type Stats } from '../desktop/bridge';
import { asFailure } from './link.svelte';

export class Broadcast {
  /** The channel that this window publishes to; null while it doesn't. */
  channel = $state<string | null>(null);
  state = $state.raw<BroadcastState | null>(null);
  stats = $state.raw<Stats | null>(null);
  notice = $state<string | null>(null);
  failure = $state.raw<Failure | null>(null);
  sources = $state.raw<{ id: string; name: string | null }[]>([{ id: 'testcard', name: null }]);
  source = $state('testcard');
  stopping = $state(false);

  async start() {
    await shell.onBroadcast((line) => this.#follow(line));
    const status = await shell.broadcast();
    this.channel = status.channel;
    this.state = status.state;
    this.stats = status.stats;
    try {
      const { cameras } = await shell.devices();
      const found = cameras.map((camera) => ({ id: `camera:${camera.index}`, name: camera.name }));
      this.sources = [...found, { id: 'testcard', name: null }];
      // The first camera is what most people mean.
      if (!this.channel) this.source = this.sources[0]?.id ?? 'testcard';
    } catch (error) {
      this.failure = asFailure(error);
    }
  }

  async goLive(channel: Channel, source = this.source) {
    this.failure = null;
    this.notice = null;
    if (!channel.stream_key) return;
    const target = {
      channel: channel.id,
      url: channel.ingest.rtmp_url,
      key: channel.stream_key,
      source,
    };
    this.channel = channel.id;
    this.state = { state: 'connecting' };
    this.source = source;
    try {
      await shell.goLive(target);
    } catch (error) {
      this.failure = asFailure(error);
      if (this.failure.code !== 'already_live') {
        this.channel = null;
        this.state = null;
      }
    }
  }

  async stop() {
    this.stopping = true;
    try {
      await shell.stop();
    } catch (error) {
      this.failure = asFailure(error);
    } finally {
      this.stopping = false;
    }
  }

  #follow(line: Line) {
    switch (line.type) {
      case 'stats':
        this.stats = line;
        break;
      case 'notice':
        this.notice = line.message;
        break;
      case 'state':
        this.state = line;
        if (line.state === 'stopped' || line.state === 'failed') {
          this.channel = null;
          this.stats = null;
        }
    }
  }
}
