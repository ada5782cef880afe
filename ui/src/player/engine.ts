// hls.js behind five words: load, play, stop, latency, events. Native HLS only where hls.js can't run: Chromium claims
// "maybe" for it, so hls.js is asked first.
import Hls from 'hls.js';
import * as config from './config';
import type { Input } from './machine';

export interface Engine {
  load(url: string, live: boolean): void;
  unload(): void;
  /** Milliseconds between the wall clock and the programme time of the shown picture; null while unknown. */
  latency(): number | null;
  destroy(): void;
}

export type Tell = (input: Input) => void;

export function open(video: HTMLVideoElement, tell: Tell): Engine | null {
  const list: Playlist = { complete: false, completed: () => undefined };
  const stopWatching = watch(video, tell, list);
  const engine = Hls.isSupported()
    ? withHls(video, tell, list)
    : video.canPlayType('application/vnd.apple.mpegurl')
      ? native(video)
      : null;
  if (!engine) {
    stopWatching();
    return null;
  }
  return {
    ...engine,
    destroy() {
      stopWatching();
      engine.destroy();
    },
  };
}

/** What the playlist says, and whom that concerns. */
interface Playlist {
  /** No more will come. */
  complete: boolean;
  /** Called when it becomes complete. */
  completed: () => void;
}

/** Turns the element's own events into inputs. */
function watch(video: HTMLVideoElement, tell: Tell, list: Playlist): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let waits = false;
  const moving = () => {
    waits = false;
    clearTimeout(timer);
    tell({ type: 'playing' });
  };
  const waiting = () => {
    waits = true;
    clearTimeout(timer);
    // hls.js may leave the last part of one rendition unread: a player that waits there waits for ever.
    timer = list.complete
      ? setTimeout(() => tell({ type: 'ended' }), config.END_AFTER)
      : setTimeout(() => tell({ type: 'stalled' }), config.STALL_AFTER);
  };
  const ended = () => {
    waits = false;
    clearTimeout(timer);
    tell({ type: 'ended' });
  };
  // The picture may have run dry before the playlist says that this was all.
  list.completed = () => {
    if (waits) waiting();
  };
  video.addEventListener('playing', moving);
  video.addEventListener('waiting', waiting);
  video.addEventListener('ended', ended);
  return () => {
    clearTimeout(timer);
    video.removeEventListener('playing', moving);
    video.removeEventListener('waiting', waiting);
    video.removeEventListener('ended', ended);
  };
}

/** A browser may refuse even muted playback: the controls then show a play button. */
function start(video: HTMLVideoElement) {
  video.play().catch(() => undefined);
}

function withHls(video: HTMLVideoElement, tell: Tell, list: Playlist): Engine {
  let hls: Hls | null = null;
  let live = false;
  let patience: ReturnType<typeof setTimeout> | undefined;
  let within = config.JOIN_WITHIN;
  const joined = () => {
    clearTimeout(patience);
    within = config.JOIN_WITHIN;
  };
  video.addEventListener('playing', joined);

  const unload = () => {
    clearTimeout(patience);
    hls?.destroy();
    hls = null;
  };

  return {
    load(url, isLive) {
      unload();
      live = isLive;
      list.complete = false;
      const player = new Hls(isLive ? config.hls : config.replay);
      hls = player;
      let shown = false;
      let recoveries = 0;
      player.on(Hls.Events.FRAG_BUFFERED, () => (shown = true));
      player.on(Hls.Events.LEVEL_LOADED, (_event, data) => {
        const completes = isLive && !data.details.live && !list.complete;
        list.complete = isLive && !data.details.live;
        if (completes) list.completed();
        // A playlist that is complete at the first look belongs to a session that is over.
        if (isLive && !shown && !data.details.live) tell({ type: 'ended' });
      });
      player.on(Hls.Events.LEVEL_UPDATED, () => {
        // Beyond its own range hls.js neither speeds up nor jumps: after a long stall it would stay far behind.
        const [behind, target, edge] = [player.latency, player.targetLatency, player.liveSyncPosition];
        if (!isLive || list.complete || video.paused || target === null || edge === null) return;
        if (behind - target > config.FAR_BEHIND && edge > video.currentTime) video.currentTime = edge;
      });
      player.on(Hls.Events.ERROR, (_event, data) => {
        if (!data.fatal) return;
        if (data.type === Hls.ErrorTypes.MEDIA_ERROR && recoveries < 2) {
          recoveries += 1;
          player.recoverMediaError();
        } else if (data.type === Hls.ErrorTypes.NETWORK_ERROR && isLive) {
          // The playlists are gone, or the network is: the probe finds out which.
          tell({ type: 'lost' });
        } else {
          tell({ type: 'fatal' });
        }
      });
      player.loadSource(url);
      player.attachMedia(video);
      start(video);
      const lost = () => {
        // One that may not play by itself isn't lost.
        if (video.paused) return;
        // The network may be as slow as that: longer, the next time.
        within *= 2;
        tell({ type: 'lost' });
      };
      if (isLive) patience = setTimeout(lost, within);
    },
    unload,
    latency() {
      const shown = live ? hls?.playingDate : null;
      return shown ? Date.now() - shown.getTime() : null;
    },
    destroy() {
      video.removeEventListener('playing', joined);
      unload();
    },
  };
}

function native(video: HTMLVideoElement): Engine {
  let live = false;
  const unload = () => {
    video.removeAttribute('src');
    video.load();
  };
  return {
    load(url, isLive) {
      live = isLive;
      video.src = url;
      start(video);
    },
    unload,
    latency() {
      // Safari's own: the programme time of position 0.
      const from = (video as { getStartDate?: () => Date }).getStartDate?.().getTime();
      return live && from ? Date.now() - (from + video.currentTime * 1000) : null;
    },
    destroy: unload,
  };
}
