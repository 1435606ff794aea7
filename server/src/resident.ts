import { readFileSync } from 'node:fs';

const pageBytes = 4096;
/** Of a process's children's children: deeper trees are not looked through. */
const deepest = 8;

/** Memory that a process holds now, bytes; 0 where the system does not say. */
export function residentBytes(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * pageBytes;
  } catch {
    return 0;
  }
}

/** With that of the processes that it started, and they. */
export function treeBytes(pid: number, depth = 0): number {
  let bytes = residentBytes(pid);
  if (depth < deepest) for (const child of childrenOf(pid)) bytes += treeBytes(child, depth + 1);
  return bytes;
}

/** Those that its first thread started; none where the system does not say. */
export function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  } catch {
    return [];
  }
}
