/** Captures the output of user code, line by line. */

export interface Capture {
  /** Says what stands in an unfinished line. */
  flush(): void
  restore(): void
}

type Write = typeof process.stdout.write

const maximumLine = 8192

/** Takes over stdout and stderr of this process. `hear` says whether somebody wanted the line; if not, it goes where it would have. */
export function captureOutput(hear: (from: 'stdout' | 'stderr', text: string) => boolean): Capture {
  const taken = (['stdout', 'stderr'] as const).map((from) => {
    const stream = process[from]
    const original: Write = stream.write.bind(stream)
    let rest = ''
    const decoder = new TextDecoder()
    const say = (text: string): void => {
      if (!hear(from, text)) original(`${text}\n`)
    }
    stream.write = (chunk: string | Uint8Array, encoding?: unknown, callback?: unknown): boolean => {
      const text = typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
      const parts = (rest + text).split('\n')
      rest = parts.pop() ?? ''
      for (const part of parts) say(part.endsWith('\r') ? part.slice(0, -1) : part)
      // A progress bar that never ends its line does not fill the memory.
      if (rest.length > maximumLine) {
        say(rest)
        rest = ''
      }
      const done = typeof encoding === 'function' ? encoding : callback
      if (typeof done === 'function') process.nextTick(done)
      return true
    }
    return {
      flush: () => {
        if (rest !== '') say(rest)
        rest = ''
      },
      restore: () => {
        stream.write = original
      },
    }
  })
  return {
    flush: () => {
      for (const { flush } of taken) flush()
    },
    restore: () => {
      for (const { restore } of taken) restore()
    },
  }
}
