import { execFile } from 'node:child_process';

/**
 * util-linux's: has the system end a process when whoever started it ends. One that hangs in a call of its own does not
 * hear that they are gone. https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
 */
const command = 'setpriv';
const flags = ['--pdeathsig', 'KILL'];
let isThere = false;

/** Looks whether it can be had here. Until then, and where not, processes are started as usual. */
export function findTie(): Promise<void> {
  return new Promise((resolve) => {
    execFile(command, [...flags, 'true'], (error) => {
      isThere = error === null;
      resolve();
    });
  });
}

/** How a process is started that ends with this one, where that can be had. */
export function tied({ execPath, execArgv }: { execPath: string; execArgv: string[] }): {
  execPath: string;
  execArgv: string[];
} {
  return isThere
    ? { execPath: command, execArgv: [...flags, execPath, ...execArgv] }
    : { execPath, execArgv };
}
