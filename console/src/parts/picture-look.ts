/** What all pictures share. */
export function axes(width: number, height: number) {
  return {
    width,
    height,
    marginLeft: 46,
    marginBottom: 28,
    style: { background: 'transparent', color: 'var(--ink)', fontSize: '12px', fontFamily: 'inherit' },
  };
}

/** The colour of a version, the same in every picture; after Okabe and Ito, told apart by all eyes. */
const count = 6;
export function versionHue(version: number): string {
  return `var(--version-${(version - 1) % count})`;
}
