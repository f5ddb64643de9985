/** Nobody reads any more what this process writes (`maggy run … | head -1`): no reason to die by an exception. */

/** From now on a pipe whose reader has gone swallows what is written to it. `onClosed` hears once that standard output is such a one. */
export function tolerateClosedPipes(onClosed: () => void = () => undefined): void {
  let told = false
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') throw error
      if (stream !== process.stdout || told) return
      told = true
      onClosed()
    })
  }
}
