/**
 * Which patterns fit a subject, found token by token as nats-server finds them: with ten thousand workers on the in-memory bus nobody
 * looks at all subscriptions for each message.
 */

interface Node<T> {
  readonly next: Map<string, Node<T>>
  /** Patterns that end here, by the order in which they were added. */
  readonly here: Map<number, T>
  /** Those that go on with `>`. */
  readonly rest: Map<number, T>
}

type Found<T> = readonly [number, T]

export class SubjectIndex<T> {
  readonly #root: Node<T> = nodeOf()
  #added = 0

  /** `*` stands for one token, `>` for one or more at the end. What it returns removes the value again. */
  add(pattern: string, value: T): () => void {
    const order = (this.#added += 1)
    const path: (readonly [Node<T>, string])[] = []
    let node = this.#root
    let values = node.here
    for (const token of pattern.split('.')) {
      if (token === '>') {
        values = node.rest
        break
      }
      path.push([node, token])
      let next = node.next.get(token)
      if (next === undefined) node.next.set(token, (next = nodeOf()))
      node = next
      values = node.here
    }
    values.set(order, value)
    return () => {
      values.delete(order)
      for (const [parent, token] of path.toReversed()) {
        const child = parent.next.get(token)
        if (child === undefined || child.next.size + child.here.size + child.rest.size > 0) return
        parent.next.delete(token)
      }
    }
  }

  /** In the order in which they were added. */
  matching(subject: string): T[] {
    const found: Found<T>[] = []
    collect(this.#root, subject.split('.'), 0, found)
    return found.sort(([a], [b]) => a - b).map(([, value]) => value)
  }
}

const nodeOf = <T>(): Node<T> => ({ next: new Map(), here: new Map(), rest: new Map() })

function collect<T>(node: Node<T>, tokens: readonly string[], at: number, found: Found<T>[]): void {
  const token = tokens[at]
  if (token === undefined) {
    found.push(...node.here)
    return
  }
  found.push(...node.rest)
  for (const name of token === '*' ? [token] : [token, '*']) {
    const next = node.next.get(name)
    if (next !== undefined) collect(next, tokens, at + 1, found)
  }
}
