/** How busy the slots of an experiment's workers were. Pure. */
import type { LogEvent } from '../../protocol/index.ts'

/** Milliseconds: from a slot's first attempt to the end of its last, and of these with an attempt. */
interface Use {
  first: number
  last: number
  busyMs: number
}

export class SlotUse {
  readonly #slots = new Map<string, Use>()
  /** The slot of each attempt that is out with a worker. */
  readonly #out = new Map<string, string>()

  apply(event: LogEvent): void {
    switch (event.type) {
      case 'trial.assigned':
        this.#out.set(`${event.trial}/${event.attempt}`, `${event.worker}/${event.slot}`)
        return
      case 'trial.lost':
        this.#out.delete(`${event.trial}/${event.attempt}`)
        return
      case 'trial.ended':
        this.#ended(event)
        return
      default:
    }
  }

  /** The part of the time in which a slot had an attempt running; null: no attempt has run to its end. */
  get utilization(): number | null {
    let busy = 0
    let span = 0
    for (const slot of this.#slots.values()) {
      busy += slot.busyMs
      span += slot.last - slot.first
    }
    return span > 0 ? busy / span : null
  }

  #ended({ trial, attempt, startedAt, endedAt }: Extract<LogEvent, { type: 'trial.ended' }>): void {
    const key = `${trial}/${attempt}`
    const slot = this.#out.get(key)
    this.#out.delete(key)
    if (slot === undefined || startedAt === null) return
    const use = this.#slots.get(slot)
    const busyMs = Math.max(0, endedAt - startedAt)
    if (use === undefined) this.#slots.set(slot, { first: startedAt, last: endedAt, busyMs })
    else {
      use.first = Math.min(use.first, startedAt)
      use.last = Math.max(use.last, endedAt)
      use.busyMs += busyMs
    }
  }
}
