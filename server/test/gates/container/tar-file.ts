import { Header } from 'tar';

/** Tar archives written by hand, for what no archiver would write. */
export interface TarEntry {
  path: string;
  content?: string;
  type?: 'File' | 'SymbolicLink' | 'Link' | 'CharacterDevice' | 'BlockDevice' | 'FIFO' | 'Directory';
  linkpath?: string;
  /** In place of the content's own. */
  size?: number;
}

const block = 512;

export function tarFile(entries: TarEntry[]): Buffer {
  const parts: Buffer[] = [];
  for (const { path, content = '', type = 'File', linkpath, size } of entries) {
    const bytes = Buffer.from(content);
    const head = Buffer.alloc(block);
    new Header({
      path,
      type,
      size: size ?? bytes.length,
      mode: 0o644,
      mtime: new Date(0),
      ...(linkpath ? { linkpath } : {}),
    }).encode(head, 0);
    parts.push(head, bytes, Buffer.alloc((block - (bytes.length % block)) % block));
  }
  return Buffer.concat([...parts, Buffer.alloc(2 * block)]);
}
