/** Flips, cuts, repeats or swaps bytes; sometimes puts in what parsers dislike. */
export function damaged(bytes: Buffer, random: () => number): Buffer {
  const pick = (below: number): number => Math.floor(random() * below);
  const copy = Buffer.from(bytes);
  switch (pick(6)) {
    case 0:
      return copy.subarray(0, pick(copy.length));
    case 1:
      return Buffer.concat([copy.subarray(0, pick(copy.length)), copy.subarray(pick(copy.length))]);
    case 2: {
      const nasty = [
        '\0',
        '"',
        '[',
        '{"__proto__":',
        'constructor',
        '1e400',
        '-0',
        '\\ud800',
        'null',
        ',',
        '\xff\xfe',
        '9'.repeat(400),
      ];
      const at = pick(copy.length);
      return Buffer.concat([
        copy.subarray(0, at),
        Buffer.from(nasty[pick(nasty.length)]!, 'latin1'),
        copy.subarray(at),
      ]);
    }
    default:
      for (let k = 0; k <= pick(8); k++) copy[pick(copy.length)] = pick(256);
      return copy;
  }
}
