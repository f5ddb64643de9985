/** A runner is the leader of a process group: what user code starts is in it, and ends with it. */

/** Ends all that is left of a group, but for what has made a group of its own. */
export function endGroup(leader: number): void {
  if (process.platform === 'win32') return
  try {
    process.kill(-leader, 'SIGKILL')
  } catch (error) {
    // Nobody is left in it, or nobody that is ours.
    if (!(error instanceof Error && 'code' in error && (error.code === 'ESRCH' || error.code === 'EPERM'))) throw error
  }
}

/** Ends this runner and its group at once. */
export function endThisGroup(): void {
  endGroup(process.pid)
  process.kill(process.pid, 'SIGKILL')
}
