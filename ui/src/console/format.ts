// Figures and times as people read them.
import type { Language } from '../i18n/locale.svelte';
import type { Source } from '../api/types';

/** `1:02:03`, `2:03`. */
export function duration(ms: number): string {
  const whole = Math.max(0, Math.floor(ms / 1000));
  const pad = (value: number) => String(value).padStart(2, '0');
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

export function bitrate(bitsPerSecond: number, lang: Language): string {
  const mega = bitsPerSecond >= 1_000_000;
  const value = bitsPerSecond / (mega ? 1_000_000 : 1000);
  const text = new Intl.NumberFormat(lang, {
    minimumFractionDigits: mega ? 1 : 0,
    maximumFractionDigits: mega ? 1 : 0,
  }).format(value);
  return `${text} ${mega ? 'Mbit/s' : 'kbit/s'}`;
}

export function count(value: number, lang: Language, digits = 0): string {
  return new Intl.NumberFormat(lang, { maximumFractionDigits: digits }).format(value);
}

/** A file's size: `1.2 GB`, `84 MB`. */
export function size(bytes: number, lang: Language): string {
  const [unit, value]: [string, number] = bytes >= 1e9 ? ['GB', bytes / 1e9] : ['MB', bytes / 1e6];
  return `${count(value, lang, value < 10 ? 1 : 0)} ${unit}`;
}

export function moment(iso: string, lang: Language): string {
  return new Intl.DateTimeFormat(lang, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(iso));
}

/** RFC 6381 names as people say them; unknown ones as they are. */
export function codec(name: string): string {
  const names: [string, string][] = [
    ['avc1', 'H.264'],
    ['hvc1', 'H.265'],
    ['hev1', 'H.265'],
    ['av01', 'AV1'],
    ['mp4a.40', 'AAC'],
    ['opus', 'Opus'],
  ];
  return names.find(([prefix]) => name.toLowerCase().startsWith(prefix))?.[1] ?? name;
}

/** `1280×720 · 30 fps · 2.5 Mbit/s · H.264 + AAC`; what isn't known is left out. */
export function summary(source: Source, lang: Language): string {
  return [
    source.width && source.height ? `${source.width}×${source.height}` : null,
    source.fps ? `${count(source.fps, lang, 2)} fps` : null,
    source.bitrate ? bitrate(source.bitrate, lang) : null,
    source.codecs.map(codec).join(' + ') || null,
  ]
    .filter((part) => part !== null)
    .join(' · ');
}
