// The desktop shell, where there is one. Shapes: src-tauri/src/controller.rs and crates/api/src/broadcast.rs.
import { invoke, isTauri } from '@tauri-apps/api/core';
import { listen } from '@tauri-apps/api/event';
import { Failure } from '../api/client';

export const inDesktop = isTauri();

export interface Connection {
  url: string;
  token: string;
  /** Go live now: `1`, or the source to take. */
  go_live: string | null;
}

export type Phase = 'connecting' | 'live' | 'reconnecting' | 'stopped' | 'failed';

export interface Stats {
  seconds: number;
  fps: number;
  video_kbps: number;
  audio_kbps: number;
  dropped_raw: number;
  dropped_sent: number;
  queue_ms: number;
  reconnects: number;
  width: number;
  height: number;
  source: string;
  sound: string;
}

export interface BroadcastState {
  state: Phase;
  reason?: string;
}

export type Line =
  ({ type: 'state' } & BroadcastState) | ({ type: 'stats' } & Stats) | { type: 'notice'; message: string };

export interface Status {
  channel: string | null;
  state: BroadcastState | null;
  stats: Stats | null;
}

export interface Devices {
  cameras: { index: number; name: string }[];
}

export interface Target {
  channel: string;
  url: string;
  key: string;
  source: string;
}

async function call<T>(command: string, args?: Record<string, unknown>): Promise<T> {
  try {
    return await invoke<T>(command, args);
  } catch (error) {
    const problem = error as { code?: string; message?: string };
    throw new Failure(problem.code ?? 'desktop', problem.message ?? String(error));
  }
}

export const shell = {
  connection: () => call<Connection>('connection'),
  devices: () => call<Devices>('devices'),
  broadcast: () => call<Status>('broadcast'),
  goLive: (target: Target) => call<null>('go_live', { target }),
  stop: () => call<null>('stop'),
  quit: () => call<null>('quit'),
  onBroadcast: (told: (line: Line) => void) => listen<Line>('broadcast', (event) => told(event.payload)),
  onCloseAsked: (told: () => void) => listen('close-asked', told),
  onServerLost: (told: (failure: Failure) => void) =>
    listen<{ code: string; message: string }>('server-lost', ({ payload }) =>
      told(new Failure(payload.code, payload.message)),
    ),
};
