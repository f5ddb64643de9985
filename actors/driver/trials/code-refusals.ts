/**
 * Workers that have refused this experiment's code. The driver gives them nothing that they say that they do not trust; one that refuses
 * all the same (its clock is another, or somebody stands between) is not asked again for a while, and no trial pays for it.
 */
export interface CodeRefusal {
  readonly code: string
  readonly message: string
  /** In elapsed time: a wall clock that is set must not make it last. */
  readonly until: number
}

const codes: ReadonlySet<string> = new Set([
  'CODE_UNSIGNED',
  'CODE_UNTRUSTED',
  'SIGNATURE_EXPIRED',
  'SIGNATURE_INVALID',
])
const restMs = 60_000

export class CodeRefusals {
  readonly #byWorker = new Map<string, CodeRefusal>()

  static isOne(code: string): boolean {
    return codes.has(code)
  }

  note(worker: string, code: string, message: string, now: number): void {
    this.#byWorker.set(worker, { code, message, until: now + restMs })
  }

  /** Why a worker is not asked; undefined: it is. */
  of(worker: string): CodeRefusal | undefined {
    return this.#byWorker.get(worker)
  }

  /** Those whose time is up are asked again. */
  tick(now: number): void {
    for (const [worker, { until }] of this.#byWorker) if (until <= now) this.#byWorker.delete(worker)
  }

  /** It was signed anew. */
  clear(): void {
    this.#byWorker.clear()
  }
}
