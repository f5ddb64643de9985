/** Ends a process in which user code has run and left something at work: timers, sockets, threads. On a worker that ends with its trial. */

/** A process that ends by itself has ended by then. */
const patienceMs = 1_000
/** Node's own, whatever user code makes of it. */
const { setTimeout: later } = globalThis
const exit = process.exit.bind(process)

/** Before any user code, which may begin when its module is loaded. */
const before = active()

/** Call it when user code is over. Ends the process with its exit code if nothing else does, and says why. */
export function endSoon(say: (text: string) => void): void {
  later(() => {
    const left = new Map([...active()].map(([kind, count]) => [kind, count - (before.get(kind) ?? 0)]))
    const timers = left.get('Timeout') ?? 0
    left.delete('Timeout')
    const rest = [...left].filter(([, count]) => count > 0).map(([kind, count]) => `${count} ${kind}`)
    if (timers > 0) say(`${timers} timers were still set when train had ended: they end with this process`)
    if (rest.length > 0) say(`still at work when train had ended: ${rest.join(', ')}. It ends with this process`)
    if (timers <= 0 && rest.length === 0)
      say('a thread was still at work when train had ended: it ends with this process')
    exit()
  }, patienceMs).unref()
}

/** By Node's names for them: what keeps this process from ending. */
function active(): Map<string, number> {
  const counts = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return counts
}
