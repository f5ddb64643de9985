/**
 * The parts of its process that a trial may change, beside its own modules: the objects of JavaScript and Node (`Math.random`,
 * `console`, `fetch`, prototypes), environment variables, the working folder, the exit code, and listeners on `process`. All of it is put
 * back before the next trial. What a trial adds to `globalThis` stays: so trials can share what is dear to load.
 */

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

/** Node moves these by itself. */
const moving = new Set<string | symbol>(['env', 'exitCode', 'argv', 'title', 'debugPort', 'domain'])
const isWatched = (root: object, key: string | symbol): boolean =>
  root !== process || !(moving.has(key) || (typeof key === 'string' && key.startsWith('_')))

/** A built-in object as it was. Values are compared without asking for descriptors, which would cost ten times as much. */
interface Members {
  readonly root: object
  readonly count: number
  readonly values: readonly (readonly [string | symbol, PropertyDescriptor])[]
  readonly accessors: readonly (readonly [string | symbol, PropertyDescriptor])[]
}

function membersOf(root: object): Members {
  const keys = Reflect.ownKeys(root)
  const all = keys.flatMap((key) => {
    const member = isWatched(root, key) ? Reflect.getOwnPropertyDescriptor(root, key) : undefined
    return member === undefined ? [] : [[key, member] as const]
  })
  return {
    root,
    count: keys.length,
    values: all.filter(([, member]) => 'value' in member),
    accessors: all.filter(([, member]) => !('value' in member)),
  }
}

function restoreMembers({ root, count, values, accessors }: Members): void {
  for (const [key, member] of values) {
    if (!Object.is(Reflect.get(root, key), member.value)) Reflect.defineProperty(root, key, member)
  }
  for (const [key, member] of accessors) {
    const now = Reflect.getOwnPropertyDescriptor(root, key)
    if (now?.get !== member.get || now?.set !== member.set) Reflect.defineProperty(root, key, member)
  }
  if (root === globalThis || Reflect.ownKeys(root).length === count) return
  const known = new Set([...values, ...accessors].map(([key]) => key))
  for (const key of Reflect.ownKeys(root)) {
    if (isWatched(root, key) && !known.has(key)) Reflect.deleteProperty(root, key)
  }
}

type Listener = (...args: unknown[]) => void

/** Takes note of this process as it is now, and returns the function that puts it back. */
export function rememberSurroundings(): () => void {
  const members = roots().map(membersOf)
  const environment = { ...process.env }
  const folder = process.cwd()
  const listeners = listenersNow()
  const writes = [process.stdout, process.stderr].map(
    (stream) => [stream, Reflect.getOwnPropertyDescriptor(stream, 'write')] as const,
  )

  return () => {
    for (const each of members) restoreMembers(each)
    for (const name of Object.keys(process.env)) {
      if (!(name in environment)) Reflect.deleteProperty(process.env, name)
    }
    for (const [name, value] of Object.entries(environment)) {
      if (process.env[name] !== value) process.env[name] = value
    }
    restoreFolder(folder)
    process.exitCode = undefined
    for (const [stream, write] of writes) if (write !== undefined) Reflect.defineProperty(stream, 'write', write)
    restoreListeners(listeners)
  }
}

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
