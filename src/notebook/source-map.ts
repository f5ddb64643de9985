/** A source map, as a comment at the end of a module: bundlers read it, so that stacks name what the module was made of. Pure. */

export interface Mapped {
  /** In the module, from 0. */
  readonly line: number
  readonly column: number
  /** A file's name, or its path. */
  readonly source: string
  readonly content: string
  /** In the source, from 0. */
  readonly sourceLine: number
}

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** `mapped` in the order of their lines. */
export function sourceMapComment(mapped: readonly Mapped[]): string {
  const sources = [...new Set(mapped.map(({ source }) => source))]
  const contents = sources.map((name) => mapped.find(({ source }) => source === name)?.content ?? '')
  const byLine = new Map<number, Mapped[]>()
  for (const one of mapped) byLine.set(one.line, [...(byLine.get(one.line) ?? []), one])
  const last = Math.max(-1, ...byLine.keys())
  const lines: string[] = []
  let [source, line] = [0, 0]
  for (let at = 0; at <= last; at += 1) {
    let column = 0
    const segments = (byLine.get(at) ?? []).map((one) => {
      const to = sources.indexOf(one.source)
      const segment = [one.column - column, to - source, one.sourceLine - line, 0].map(variableLength).join('')
      ;[column, source, line] = [one.column, to, one.sourceLine]
      return segment
    })
    lines.push(segments.join(','))
  }
  const map = { version: 3, sources, sourcesContent: contents, names: [], mappings: lines.join(';') }
  return `//# sourceMappingURL=data:application/json;base64,${Buffer.from(JSON.stringify(map)).toString('base64')}`
}

/** Base 64, five bits a digit, the lowest bit is the sign (Source Map Revision 3). */
function variableLength(value: number): string {
  let rest = value < 0 ? (-value << 1) | 1 : value << 1
  let text = ''
  do {
    const digit = rest & 31
    rest >>>= 5
    text += digits[rest > 0 ? digit | 32 : digit] ?? ''
  } while (rest > 0)
  return text
}
