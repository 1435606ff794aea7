/** Decimal, as sizes are given: "200MB" is said back as "200 MB". */
const units = ['B', 'kB', 'MB', 'GB'];

export function byteText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${Number(value.toPrecision(3))} ${units[unit]}`;
}
