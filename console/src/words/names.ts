/** Names as they fit in `most` characters: what all of them begin and end with is left out first. Pure. */
export function shortNames(names: string[], most: number): Map<string, string> {
  const long = names.some((name) => name.length > most);
  const before = long ? shared(names) : 0;
  const after = long ? shared(names.map((name) => [...name.slice(before)].reverse().join(''))) : 0;
  return new Map(
    names.map((name) => {
      const own = name.slice(before, name.length - after);
      const told = `${before > 0 ? '…' : ''}${own}${after > 0 ? '…' : ''}`;
      return [name, told.length > most ? `${told.slice(0, most - 1)}…` : told];
    }),
  );
}

/** How many characters all begin with, of several names of which none is used up. */
function shared(names: string[]): number {
  const [first = ''] = names;
  if (names.length < 2) return 0;
  let n = 0;
  while (names.every((name) => n + 1 < name.length && name[n] === first[n])) n++;
  // A mark of two characters is no shorter.
  return n > 3 ? n : 0;
}
