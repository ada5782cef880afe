// How near to live a playlist is.

/** Wall clock less the end of the newest part or segment, in s, by PROGRAM-DATE-TIME; null where there is no playlist. */
export async function behind(multivariantUrl) {
  const multivariant = await text(multivariantUrl);
  const variant = multivariant?.split('\n').find((line, i, lines) => lines[i - 1]?.startsWith('#EXT-X-STREAM-INF'));
  const playlist = variant && (await text(new URL(variant, multivariantUrl)));
  if (!playlist) return null;
  let [end, parts] = [null, 0];
  for (const line of playlist.split('\n')) {
    const value = line.slice(line.indexOf(':') + 1);
    if (line.startsWith('#EXT-X-PROGRAM-DATE-TIME:')) [end, parts] = [Date.parse(value) / 1_000, 0];
    if (line.startsWith('#EXT-X-PART:')) parts += Number(value.match(/DURATION=([\d.]+)/)[1]);
    if (line.startsWith('#EXTINF:')) [end, parts] = [end + parseFloat(value), 0];
  }
  return end === null ? null : Date.now() / 1_000 - end - parts;
}

async function text(url) {
  const answer = await fetch(url).catch(() => null);
  return answer?.ok ? answer.text() : null;
}
