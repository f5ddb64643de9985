/**
 * Notes whether members of the watched objects were defined by the functions that can give them a getter, or hide them from enumeration.
 * Any other change to an object shows when its values are compared; for these alone each member would have to be described, which costs
 * ten times as much.
 */

export interface Redefinitions {
  /** Whether there were any since the last call. */
  take(): boolean
}

/** The functions of JavaScript that define members, as they were before any user code. */
const definers: readonly (readonly [object, string])[] = [
  [Object, 'defineProperty'],
  [Object, 'defineProperties'],
  [Reflect, 'defineProperty'],
]
/** The same, of the object on which they are called. */
const ownDefiners = ['__defineGetter__', '__defineSetter__']

/** Call it once in a process, before any user code. */
export function watchDefinitions(watched: ReadonlySet<unknown>): Redefinitions {
  let some = false
  // A proxy keeps name, length and text of the function.
  const wrap = (holder: object, name: string, targetOf: (self: unknown, args: readonly unknown[]) => unknown): void => {
    const member = Reflect.getOwnPropertyDescriptor(holder, name)
    if (typeof member?.value !== 'function') return
    const value = new Proxy(member.value as (...args: unknown[]) => unknown, {
      apply: (define, self, args: unknown[]) => {
        if (watched.has(targetOf(self, args))) some = true
        return Reflect.apply(define, self, args)
      },
    })
    defineProperty(holder, name, { ...member, value })
  }
  for (const [holder, name] of definers) wrap(holder, name, (_, [target]) => target)
  for (const name of ownDefiners) wrap(Object.prototype, name, (self) => self)
  return {
    take: () => {
      const were = some
      some = false
      return were
    },
  }
}

const { defineProperty } = Reflect
