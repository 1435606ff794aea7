/** CPU time of the calling thread, ms. */
export function threadCpu(): number {
  // Linux counts what the running thread took since the last tick, up to 4 ms, only when asked for the whole process.
  process.cpuUsage();
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
