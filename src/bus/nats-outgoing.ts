/**
 * Messages on their way out of this process. What one turn of the event loop says goes to the server in one write: a write costs as much
 * as all else about a small message, and wakes the server once.
 * I1 In order.
 * I2 A large message does not wait: nothing is won by that, and it would be held in memory for longer.
 */
export interface Outgoing {
  /** `publish` is called in this turn of the event loop or at its end. What it throws is the connection's end: the message is void. */
  post(bytes: number, publish: () => void): void
  /** Publishes what waits, now. */
  flush(): void
}

const largeBytes = 16 * 1024

export function createOutgoing(): Outgoing {
  let waiting: (() => void)[] = []

  const flush = (): void => {
    const turn = waiting
    waiting = []
    for (const publish of turn) publish()
  }
  return {
    post: (bytes, publish) => {
      if (waiting.push(publish) === 1) setImmediate(flush)
      if (bytes > largeBytes) flush()
    },
    flush,
  }
}
