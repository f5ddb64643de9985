/** Follows the output of one trial for as long as somebody reads it, and keeps the last lines. */
import type { Bus } from '../../src/bus/index.ts'
import { linesOf, LogHolders, outputSubject } from '../../src/store/index.ts'
import type { OutputRow } from '../../src/board/index.ts'
import type { Source, Told } from './channel.ts'
import { placeIn } from './home.ts'

const mostLines = 2_000

export class Printed implements Source {
  readonly #lines: { readonly sequence: number; readonly row: OutputRow }[] = []
  readonly #stopping = new AbortController()
  #sequence = 0
  #told = 0
  /** The last place of which not all lines are kept. */
  #cutAt = 0
  /** Rejects when it cannot go on. */
  readonly ended: Promise<void>

  constructor(bus: Bus, experiment: string, trial: number, onChange: () => void) {
    this.ended = this.#follow(bus, outputSubject(experiment, trial), new LogHolders(bus, experiment), onChange)
  }

  close(): void {
    this.#stopping.abort()
  }

  changed(): Told | undefined {
    if (this.#sequence === this.#told) return undefined
    const told = this.#after(this.#told)
    this.#told = this.#sequence
    return told
  }

  since(id: string | undefined): Told {
    const after = placeIn(id, this.#sequence)
    // Whoever was away for longer than lines are kept begins anew.
    return after > 0 && after >= this.#cutAt ? this.#after(after) : this.#after(0)
  }

  #after(sequence: number): Told {
    const lines = this.#lines.filter((line) => line.sequence > sequence).map(({ row }) => row)
    const whole = sequence === 0 ? { whole: true, cut: this.#cutAt > 0 } : {}
    return { id: String(this.#sequence), frame: { lines, ...whole } }
  }

  async #follow(bus: Bus, subject: string, holders: LogHolders, onChange: () => void): Promise<void> {
    for await (const entry of bus.streams.follow('telemetry', subject, { signal: this.#stopping.signal })) {
      const { sequence } = entry
      for (const { attempt, at, from, text } of await linesOf(entry, holders))
        this.#lines.push({ sequence, row: { attempt, at, from, text } })
      const spare = this.#lines.length - mostLines
      if (spare > 0) this.#cutAt = this.#lines.splice(0, spare).at(-1)?.sequence ?? this.#cutAt
      this.#sequence = sequence
      onChange()
    }
  }
}
