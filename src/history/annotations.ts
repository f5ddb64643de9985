/** Notes and tags that people have written on an experiment, by the log. Pure. */
import { pinnedTag, remarksAtMost, tagsAtMost, type LogEvent } from '../../protocol/index.ts'

type Annotated = Extract<LogEvent, { type: 'experiment.annotated' }>

/** A note of a user's. */
export interface Remark {
  /** Milliseconds since 1970-01-01T00:00Z. */
  readonly at: number
  readonly text: string
}

export class Annotations {
  readonly remarks: Remark[] = []
  readonly #tags = new Set<string>()

  /** In alphabetical order. */
  get tags(): readonly string[] {
    return [...this.#tags].sort()
  }

  /** It survives all retention. */
  get pinned(): boolean {
    return this.#tags.has(pinnedTag)
  }

  /** Why it cannot be taken in; undefined: it can. */
  refusal({ remark, tag = [] }: Annotated): string | undefined {
    if (remark !== undefined && this.remarks.length >= remarksAtMost) return `it has ${remarksAtMost} notes already`
    if (new Set([...this.#tags, ...tag]).size > tagsAtMost) return `an experiment has at most ${tagsAtMost} tags`
    return undefined
  }

  takes(event: Annotated): boolean {
    const { remark, tag = [], untag = [] } = event
    const changes = tag.some((one) => !this.#tags.has(one)) || untag.some((one) => this.#tags.has(one))
    return this.refusal(event) === undefined && (remark !== undefined || changes)
  }

  note(event: Annotated): void {
    if (!this.takes(event)) return
    const { at, remark, tag = [], untag = [] } = event
    if (remark !== undefined) this.remarks.push({ at, text: remark })
    for (const one of tag) this.#tags.add(one)
    for (const one of untag) this.#tags.delete(one)
  }
}
