/**
 * The environment variables of this process. To read all of them costs as much as all else of a short trial's putting back: they are looked
 * at after trials of processes in which somebody has asked for `process.env` since, and so may change it at any time.
 */
interface Environment {
  /** `isDue`: also if nobody has asked for it. */
  putBack(isDue: boolean): void
}

/** Call it once in a process, before any user code. */
export function watchEnvironment(): Environment {
  const own = process.env
  const before = { ...own }
  let isKnown = false
  let current = own
  Reflect.defineProperty(process, 'env', {
    configurable: true,
    enumerable: true,
    get: () => {
      isKnown ||= !isLoader(new Error().stack)
      return current
    },
    set: (replaced: NodeJS.ProcessEnv) => {
      current = replaced
    },
  })
  return {
    putBack: (isDue) => {
      current = own
      if (!isKnown && !isDue) return
      for (const name of Object.keys(own)) {
        if (!(name in before)) Reflect.deleteProperty(own, name)
      }
      for (const [name, value] of Object.entries(before)) {
        if (own[name] !== value) own[name] = value
      }
    },
  }
}

/** Node's own loader asks whether it is to measure coverage each time that it compiles a bundle. It is the caller of the getter. */
const isLoader = (stack = ''): boolean =>
  /^\s+at .*\(node:internal\/(?:modules|source_map)\//.test(stack.split('\n')[2] ?? '')
