import { SlipwayError } from '../errors.ts';

/** What was typed cannot be done, before any server is asked: exit code 2. */
export class UsageError extends SlipwayError {
  constructor(message: string, hint: string) {
    super('INVALID_REQUEST', message, hint);
  }
}

/** A file that was named but cannot be read. */
export function unreadable(file: string, error: unknown): UsageError {
  const { code, message } = error as NodeJS.ErrnoException;
  const why =
    code === 'ENOENT'
      ? 'there is no such file'
      : code === 'EACCES'
        ? 'it may not be read by this user'
        : code === 'EISDIR'
          ? 'it is a folder'
          : message;
  return new UsageError(`${file} cannot be read: ${why}.`, 'Check the path.');
}
