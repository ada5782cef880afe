// Line plots as SVG, for a page of documentation.

const [W, H] = [640, 320];
const BOX = { left: 64, right: 16, top: 56, bottom: 48 };
const COLOURS = ['#1f6feb', '#d1242f', '#1a7f37', '#9a6700', '#8250df'];

/** `series`: `[{ name, points: [[x, y], …] }]`; `log`: of the x axis; `ticks`: `[[x, label], …]`, of `x` where left out. */
export function plot({ title, x, y, series, log = false, ticks }) {
  const points = series.flatMap((s) => s.points);
  const scaled = (value) => (log ? Math.log10(value) : value);
  const xs = points.map(([at]) => scaled(at));
  const [least, most] = log ? [Math.min(...xs), Math.max(...xs)] : [0, Math.max(...xs)];
  const step = nice(Math.max(...points.map(([, value]) => value)) / 5);
  const top = step * Math.max(1, Math.ceil(Math.max(...points.map(([, value]) => value)) / step));
  const px = (value) => BOX.left + ((scaled(value) - least) / (most - least || 1)) * (W - BOX.left - BOX.right);
  const py = (value) => H - BOX.bottom - (value / top) * (H - BOX.top - BOX.bottom);
  const text = (at, words, more = '') => `<text x="${at[0].toFixed(1)}" y="${at[1].toFixed(1)}" ${more}>${escape(words)}</text>`;
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${W} ${H}" font-family="sans-serif" font-size="12" fill="#1f2328">`,
    `<rect width="${W}" height="${H}" fill="#fff"/>`,
    text([BOX.left, 20], title, 'font-size="14" font-weight="bold"'),
  ];
  for (let value = 0; value <= top + step / 2; value += step) {
    lines.push(`<line x1="${BOX.left}" x2="${W - BOX.right}" y1="${py(value).toFixed(1)}" y2="${py(value).toFixed(1)}" stroke="#d0d7de"/>`);
    lines.push(text([BOX.left - 6, py(value) + 4], label(value), 'text-anchor="end"'));
  }
  const across = ticks ?? [...new Set(points.map(([at]) => at))].map((at) => [at, label(at)]);
  let after = -Infinity;
  for (const [at, words] of across) {
    if (px(at) - after < 8 * words.length) continue;
    after = px(at);
    lines.push(text([after, H - BOX.bottom + 18], words, 'text-anchor="middle"'));
  }
  lines.push(text([(W + BOX.left) / 2, H - 8], x, 'text-anchor="middle"'));
  lines.push(text([0, 0], y, `text-anchor="middle" transform="translate(14 ${(H - BOX.bottom + BOX.top) / 2}) rotate(-90)"`));
  for (const [i, { name, points: line }] of series.entries()) {
    const colour = COLOURS[i % COLOURS.length];
    const path = line.map(([at, value]) => `${px(at).toFixed(1)},${py(value).toFixed(1)}`);
    lines.push(`<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    for (const place of path) lines.push(`<circle cx="${place.split(',')[0]}" cy="${place.split(',')[1]}" r="3" fill="${colour}"/>`);
    lines.push(text([W - BOX.right, 16 + 14 * i], name, `fill="${colour}" text-anchor="end"`));
  }
  return `${lines.join('\n')}\n</svg>\n`;
}

/** 1, 2 or 5 times a power of ten, not below `value`. */
function nice(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= value * 0.999);
}

const label = (value) => String(Number(value.toPrecision(6)));
const escape = (words) => words.replace(/&/g, '&amp;').replace(/</g, '&lt;');

/** The straight line nearest to the points: `{ slope, at0 }`. */
export function fit(points) {
  const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;
  const [mx, my] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))];
  const over = points.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
  const slope = points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0) / (over || 1);
  return { slope, at0: my - slope * mx };
}
