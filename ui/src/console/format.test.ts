import { expect, test } from 'vitest';
import { bitrate, codec, duration, size, summary } from './format';

test.each([
  [0, '0:00'],
  [-5, '0:00'],
  [65_000, '1:05'],
  [3_723_000, '1:02:03'],
])('%i ms is %s', (ms, text) => expect(duration(ms)).toBe(text));

test('bitrates', () => {
  expect(bitrate(128_000, 'en')).toBe('128 kbit/s');
  expect(bitrate(2_540_000, 'en')).toBe('2.5 Mbit/s');
  expect(bitrate(2_540_000, 'vi')).toBe('2,5 Mbit/s');
});

test('codecs', () => {
  expect(codec('avc1.64001f')).toBe('H.264');
  expect(codec('mp4a.40.2')).toBe('AAC');
  expect(codec('vp09.00')).toBe('vp09.00');
});

test('a source leaves out what is not known', () => {
  const source = { codecs: ['avc1.64001f'], width: 1280, height: 720, fps: 29.97 };
  expect(summary(source, 'en')).toBe('1280×720 · 29.97 fps · H.264');
  expect(summary({ codecs: ['mp4a.40.2'] }, 'en')).toBe('AAC');
});

test('sizes', () => {
  expect(size(1_220_000_000, 'en')).toBe('1.2 GB');
  expect(size(84_400_000, 'vi')).toBe('84 MB');
  expect(size(300_000, 'vi')).toBe('0,3 MB');
});
