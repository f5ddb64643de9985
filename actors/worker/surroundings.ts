/**
 * The parts of its process that a trial may change, beside its own modules: the objects of JavaScript and Node (`Math.random`,
 * `console`, `fetch`, prototypes), environment variables, the working folder, the exit code, and listeners on `process`. All of it is put
 * back before the next trial. What a trial adds to `globalThis` stays: so trials can share what is dear to load.
 */
import { watchEnvironment } from './environment.ts'
import { rememberMembers } from './members.ts'
import { watchDefinitions } from './redefined.ts'

/** The built-in objects whose members are put back. */
function roots(): readonly object[] {
  const named = Object.getOwnPropertyNames(globalThis)
    .map((name) => Object.getOwnPropertyDescriptor(globalThis, name)?.value as unknown)
    .filter((value) => typeof value === 'function' || (typeof value === 'object' && value !== null)) as object[]
  const prototypes = named.map((value) => (value as { prototype?: unknown }).prototype)
  const hidden = [
    Object.getPrototypeOf(Int8Array) as object,
    Object.getPrototypeOf(Int8Array.prototype) as object,
    Object.getPrototypeOf(async () => undefined) as object,
  ]
  // `globalThis` first: a class that was replaced is back before its members are.
  const all = [globalThis, ...named, ...prototypes, ...hidden].filter(
    (value) => (typeof value === 'object' && value !== null) || typeof value === 'function',
  )
  return [...new Set(all)]
}

type Listener = (...args: unknown[]) => void

/**
 * Changes that nothing shows at a glance (realms of node:vm, native add-ons) are looked for when trials have run for so long in sum, or when
 * there were so many. By the time of day, 64 runners that share two cores would look closely after two trials of three.
 */
const lookCloselyAfter = { ms: 250, trials: 64 }

/**
 * Takes note of this process as it is now, and returns the function that puts it back: it is told for how many milliseconds the trial ran.
 * Once in a process, before any user code.
 */
export function rememberSurroundings(): (ranMs?: number) => void {
  const watched = roots()
  const redefinitions = watchDefinitions(new Set(watched))
  const members = rememberMembers(watched)
  const environment = watchEnvironment()
  const folder = process.cwd()
  const listeners = listenersNow()
  const writes = [process.stdout, process.stderr].map(
    (stream) => [stream, Reflect.getOwnPropertyDescriptor(stream, 'write')] as const,
  )
  let since = { ms: 0, trials: 0 }

  return (ranMs = Infinity) => {
    since = { ms: since.ms + ranMs, trials: since.trials + 1 }
    const isDue = since.ms >= lookCloselyAfter.ms || since.trials >= lookCloselyAfter.trials
    if (redefinitions.take() || isDue || !members.seemUnchanged()) {
      members.restore()
      since = { ms: 0, trials: 0 }
    }
    environment.putBack(isDue)
    restoreFolder(folder)
    process.exitCode = undefined
    for (const [stream, write] of writes) {
      if (write !== undefined && stream.write !== write.value) defineProperty(stream, 'write', write)
    }
    restoreListeners(listeners)
  }
}

const { defineProperty } = Reflect

function restoreFolder(folder: string): void {
  try {
    if (process.cwd() === folder) return
  } catch {
    // It was in a folder that is no more.
  }
  process.chdir(folder)
}

type Listeners = ReadonlyMap<string | symbol, readonly Listener[]>

function listenersNow(): Listeners {
  return new Map(process.eventNames().map((event) => [event, process.rawListeners(event as 'exit') as Listener[]]))
}

function restoreListeners(before: Listeners): void {
  for (const event of new Set([...before.keys(), ...process.eventNames()])) {
    const wanted = before.get(event) ?? []
    const found = process.rawListeners(event) as Listener[]
    if (found.length === wanted.length && found.every((listener, index) => listener === wanted[index])) continue
    for (const listener of found) {
      if (!wanted.includes(listener)) process.removeListener(event, listener)
    }
    for (const listener of wanted) {
      if (!found.includes(listener)) process.on(event, listener)
    }
  }
}
