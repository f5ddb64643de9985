/** What every JavaScript engine, or Node, has under a name: it is not shipped, the worker has its own. */

const languageGlobals = [
  'Object Function Array Number parseFloat parseInt Infinity NaN undefined Boolean String Symbol Date Promise RegExp Error',
  'AggregateError EvalError RangeError ReferenceError SyntaxError TypeError URIError globalThis JSON Math Intl ArrayBuffer',
  'Atomics Uint8Array Int8Array Uint16Array Int16Array Uint32Array Int32Array Float32Array Float64Array Uint8ClampedArray',
  'BigUint64Array BigInt64Array DataView Map BigInt Set WeakMap WeakSet WeakRef Proxy Reflect FinalizationRegistry',
  'SharedArrayBuffer decodeURI decodeURIComponent encodeURI encodeURIComponent escape unescape isFinite isNaN Iterator eval',
]
const hostGlobals = [
  'console process global Buffer queueMicrotask structuredClone atob btoa performance fetch navigator crypto',
  'clearImmediate setImmediate clearInterval clearTimeout setInterval setTimeout AbortController AbortSignal Event',
  'EventTarget MessageChannel MessagePort MessageEvent Blob File FormData Headers Request Response TextEncoder TextDecoder',
  'URL URLSearchParams WebAssembly ReadableStream WritableStream TransformStream CompressionStream DecompressionStream',
  'PerformanceObserver TextEncoderStream TextDecoderStream ByteLengthQueuingStrategy CountQueuingStrategy',
  'DOMException WebSocket BroadcastChannel CustomEvent CryptoKey Crypto SubtleCrypto require module __filename __dirname',
]

const split = (lines: readonly string[]): string[] => lines.join(' ').split(' ')

/** Names that a worker knows by itself. */
export const knownGlobals: ReadonlySet<string> = new Set([...split(languageGlobals), ...split(hostGlobals)])

let paths: Map<unknown, string> | undefined

/** `Math.max` for that function, and so on for all that the language and Node offer; undefined: it is none of these. */
export function builtinPath(value: object): string | undefined {
  if (paths === undefined) {
    const found = (paths = new Map<unknown, string>())
    const put = (one: unknown, path: string): void => {
      const isObject = (typeof one === 'object' && one !== null) || typeof one === 'function'
      if (isObject && !found.has(one)) found.set(one, path)
    }
    const names = [...knownGlobals].filter((name) => !/^(require|module|__filename|__dirname)$/.test(name))
    const values = names.flatMap((name): [string, unknown][] => {
      const descriptor = Object.getOwnPropertyDescriptor(globalThis, name)
      // Some of Node's are made only when they are asked for.
      return descriptor === undefined ? [] : [[name, descriptor.value]]
    })
    for (const [name, each] of values) put(each, name)
    for (const [name, each] of values) {
      if (each === globalThis || (typeof each !== 'object' && typeof each !== 'function') || each === null) continue
      for (const [holder, prefix] of [
        [each, name],
        [(each as { prototype?: unknown }).prototype, `${name}.prototype`],
      ] as const) {
        if (typeof holder !== 'object' && typeof holder !== 'function') continue
        put(holder, prefix)
        for (const [key, { value: member }] of Object.entries(Object.getOwnPropertyDescriptors(holder ?? {})))
          if (typeof member === 'function' && /^[A-Za-z_$][\w$]*$/.test(key) && key !== 'constructor')
            put(member, `${prefix}.${key}`)
      }
    }
  }
  return paths.get(value)
}
