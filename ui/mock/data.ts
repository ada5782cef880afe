import type { Asset, Channel, Session } from '../src/api/types';

const began = Date.now() - 754_000;
const iso = (ago: number) => new Date(began - ago * 1000).toISOString();

const source = {
  codecs: ['avc1.64001f', 'mp4a.40.2'],
  width: 1280,
  height: 720,
  fps: 30,
  bitrate: 2_620_000,
  encoder: 'OBS Studio 29.0.2',
};

const picture: Channel['processing']['picture'] = {
  deinterlace: null,
  crop: null,
  rotate: 0,
  flip: false,
  mirror: false,
  deblock: null,
  denoise: 0,
  auto_level: 0,
  sharpen: 0,
  fit: null,
  aspect: null,
  pad: 0,
  scaler: null,
  logo: null,
  text: null,
};

const sound: Channel['processing']['sound'] = {
  offset_ms: 0,
  map: 'keep',
  left_db: 0,
  right_db: 0,
  gain_db: 0,
  karaoke: false,
  parametric: [],
  graphic_db: [],
  compressor: null,
  loudness_lufs: null,
  limiter_db: null,
  fade_in_ms: 0,
  fade_out_ms: 0,
  muted: false,
};

const detectors: Channel['detectors'] = {
  black: { on: true, after_s: 3 },
  frozen: { on: true, after_s: 20 },
  silence: { on: true, after_s: 10, below_dbfs: -60 },
  clipping: { on: true, after_s: 3 },
  loudness: { on: true, after_s: 30, min_lufs: -42, max_lufs: -5 },
  av_drift: { on: true, after_s: 10, over_ms: 150 },
};

function channel(id: string, name: string, status: Channel['status']): Channel {
  return {
    id: `ch_${id}`,
    name,
    status,
    latency_mode: 'ultra_low',
    latency_target_s: 0.6,
    ingest: { rtmp_url: 'rtmp://127.0.0.1:1935/live' },
    stream_key: '7rk2-p0xw-41vn-e8qj',
    playback: {
      id: `pb_${id}`,
      hls_url: `http://127.0.0.1:8080/live/pb_${id}/index.m3u8`,
      dvr_url: `http://127.0.0.1:8080/live/pb_${id}/dvr.m3u8`,
      thumbnail_url: `http://127.0.0.1:8080/live/pb_${id}/thumbnail.jpg`,
      storyboard_url: `http://127.0.0.1:8080/live/pb_${id}/storyboard.vtt`,
      watch_url: `http://127.0.0.1:8080/watch/pb_${id}`,
      policy: 'public',
    },
    record: true,
    recording: {
      only_if: null,
      min_duration_s: null,
      min_bytes: null,
      max_duration_s: null,
      max_bytes: null,
      next: false,
    },
    max_duration_s: null,
    reconnect_window_s: 30,
    dvr_window_s: 30,
    retention: { max_age_s: null, max_bytes: null },
    slate: { after_ms: 1500, picture: null },
    ladder: { kind: 'source' },
    processing: { picture, sound },
    detectors,
    logo: null,
    live_session_id: status === 'active' ? 'ses_1' : null,
    source: status === 'active' ? { ...source, bitrate: source.bitrate + (Date.now() % 90_000) } : null,
    created_at: iso(90_000),
    updated_at: iso(90_000),
  };
}

export function channels(): Channel[] {
  return [
    channel('starting', 'Friday show', 'active'),
    channel('b', 'Studio B – a rather long name for one channel', 'idle'),
    channel('c', 'Sân khấu ngoài trời', 'stopped'),
  ];
}

export function sessions(channelId: string): Session[] {
  const session = (id: string, status: Session['status'], ago: number): Session => ({
    id,
    channel_id: channelId,
    status,
    end_reason: status === 'ended' ? 'unpublished' : null,
    source,
    created_at: iso(ago),
    live_at: iso(ago),
    ended_at: status === 'ended' ? iso(ago - 3723) : null,
  });
  const ended = [session('ses_2', 'ended', 86_400), session('ses_3', 'ended', 172_800)];
  if (channelId === 'ch_starting') return [session('ses_1', 'live', 0), ...ended];
  return channelId === 'ch_b' ? ended : [];
}

export function assets(id: string): Asset[] {
  const asset = (kind: Asset['kind'], url: string, bytes: number | null): Asset => ({
    id: `ast_${id}_${kind}`,
    session_id: id,
    kind,
    part: 1,
    url,
    bytes,
    title: null,
    in_s: null,
    out_s: null,
    duration_s: 3723,
    created_at: iso(0),
  });
  return [
    asset('recording', `/vod/${id}/recording.mp4`, 1_220_000_000),
    asset('catch_up', `/vod/${id}/index.m3u8`, null),
  ];
}
