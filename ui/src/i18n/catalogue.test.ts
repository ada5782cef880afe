import { describe, expect, test } from 'vitest';
import { consoleTexts } from './console';
import { preferred } from './locale.svelte';
import { player } from './player';

/** Every leaf's path and text; functions are called with a figure. */
function leaves(texts: object, path = ''): [string, string][] {
  return Object.entries(texts).flatMap(([key, value]): [string, string][] => {
    const here = `${path}${key}`;
    if (typeof value === 'function') return [[here, (value as (figure: string) => string)('1.1')]];
    return typeof value === 'string' ? [[here, value]] : leaves(value as object, `${here}.`);
  });
}

describe.each([
  ['player', player],
  ['console', consoleTexts],
])('the %s catalogue', (_name, catalogue) => {
  test('has the same keys in both languages', () => {
    const keys = (texts: object) => leaves(texts).map(([key]) => key);
    expect(keys(catalogue.vi)).toEqual(keys(catalogue.en));
  });

  test('leaves nothing empty', () => {
    for (const texts of Object.values(catalogue)) {
      for (const [key, text] of leaves(texts)) expect(text.trim(), key).not.toBe('');
    }
  });
});

test('the language is the chosen one, then the browser’s, then English', () => {
  expect(preferred(null, ['vi-VN', 'en'])).toBe('vi');
  expect(preferred(null, ['fr', 'en-GB'])).toBe('en');
  expect(preferred(null, ['fr'])).toBe('en');
  expect(preferred('vi', ['en'])).toBe('vi');
  expect(preferred('xx', ['vi'])).toBe('vi');
});
