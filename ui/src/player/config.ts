// Every figure that decides how near to the live edge the page plays, and how often it asks.
import type { HlsConfig } from 'hls.js';

/** The target latency itself is the playlist's PART-HOLD-BACK (without parts HOLD-BACK): nothing here overrides it. */
export const hls: Partial<HlsConfig> = {
  lowLatencyMode: true,
  enableWorker: true,
  // hls.js starts up to a GOP behind its target and, left at 1, stays there.
  maxLiveSyncPlaybackRate: 1.2,
  // One stall backs off a quarter of a second, not a whole one.
  liveSyncOnStallIncrease: 0.25,
  backBufferLength: 30,
  // As far as the farthest latency target: in `normal` mode everything up to the live edge.
  maxBufferLength: 30,
  // A lost playlist or part is worth a few quick tries; after that the page asks whether the session still runs.
  manifestLoadingMaxRetry: 2,
  manifestLoadingRetryDelay: 300,
  levelLoadingMaxRetry: 6,
  levelLoadingRetryDelay: 300,
  fragLoadingMaxRetry: 6,
  fragLoadingRetryDelay: 300,
};

/** A recording is played like any film. */
export const replay: Partial<HlsConfig> = { lowLatencyMode: false, enableWorker: true, startPosition: 0 };

/** Seconds behind the target from which on the player jumps to the live edge instead of running after it. */
export const FAR_BEHIND = 4;

/** How long to wait before asking again for an absent playlist, in ms: quick at first, then easy on the server. */
export function probeDelay(waitedMs: number): number {
  if (waitedMs < 60_000) return 500;
  if (waitedMs < 300_000) return 1000;
  return 3000;
}

/** How often the latency figure is renewed, in ms. */
export const LATENCY_INTERVAL = 250;

/** Silence of the picture before the page says so, in ms. */
export const STALL_AFTER = 2000;

/** No picture so long after a player has begun to load, in ms: it has lost its way, and begins anew. Doubled each time. */
export const JOIN_WITHIN = 8000;

/** Silence of the picture, once the playlist is complete, before the session counts as seen to its end, in ms. */
export const END_AFTER = 600;
