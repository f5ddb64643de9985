/**
 * What a trial may change of the process that it runs in, beside its own modules: what JavaScript and Node bring along (`Math.random`,
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
  const all = [...named, ...prototypes, ...hidden].filter(
    (value) => typeof value === 'object' || typeof value === 'function',
  )
  return [...new Set(all.filter((value) => value !== null && value !== undefined))] as object[]
}

/** Node moves these by itself. */
const moving = new Set<string | symbol>(['env', 'exitCode', 'argv', 'title', 'debugPort', 'domain'])

type Members = ReadonlyMap<string | symbol, PropertyDescriptor>

function membersOf(root: object): Members {
  const members = new Map<string | symbol, PropertyDescriptor>()
  for (const key of Reflect.ownKeys(root)) {
    if (root === process && (moving.has(key) || (typeof key === 'string' && key.startsWith('_')))) continue
    const member = Reflect.getOwnPropertyDescriptor(root, key)
    if (member !== undefined) members.set(key, member)
  }
  return members
}

/** NaN is itself. */
const same = (a: PropertyDescriptor, b: PropertyDescriptor) =>
  Object.is(a.value, b.value) && a.get === b.get && a.set === b.set

function restoreMembers(root: object, before: Members): void {
  for (const key of Reflect.ownKeys(root)) {
    if (before.has(key) || root === globalThis) continue
    if (root === process && (moving.has(key) || (typeof key === 'string' && key.startsWith('_')))) continue
    Reflect.deleteProperty(root, key)
  }
  for (const [key, member] of before) {
    const now = Reflect.getOwnPropertyDescriptor(root, key)
    if (now === undefined || !same(now, member)) Reflect.defineProperty(root, key, member)
  }
}

type Listener = (...args: unknown[]) => void

/** Takes note of this process as it is now, and returns the function that puts it back. */
export function rememberSurroundings(): () => void {
  const members = roots().map((root) => [root, membersOf(root)] as const)
  const environment = { ...process.env }
  const folder = process.cwd()
  const listeners = listenersNow()
  const writes = [process.stdout, process.stderr].map(
    (stream) => [stream, Reflect.getOwnPropertyDescriptor(stream, 'write')] as const,
  )

  return () => {
    // The roots themselves are members of `globalThis`, which comes first: a class that was replaced is back before its members are.
    restoreMembers(globalThis, membersFirst(members))
    for (const [root, before] of members) restoreMembers(root, before)
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

const membersFirst = (members: readonly (readonly [object, Members])[]): Members =>
  members.find(([root]) => root === globalThis)?.[1] ?? new Map<string, PropertyDescriptor>()

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
