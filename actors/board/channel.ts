/**
 * Server-sent events to all browsers that look at one thing. What has changed is put together once, whoever many listen.
 * I1 The id of an event says up to where its reader knows everything: whoever comes back with it is told what is missing, once.
 * I2 A reader that does not keep up is cut off, and comes back by itself; the others do not wait for it.
 */
import type { ServerResponse } from 'node:http'
import type { Clock } from '../../src/actor/index.ts'

/** Bytes that may wait for one reader. */
const mostWaiting = 32 * 2 ** 20
/** Changes are gathered for so long. */
const gatherMs = 40

export interface Told {
  /** The id of the event. */
  readonly id: string
  readonly frame: object
}

export interface Source {
  /** Changes since the last call; undefined: none. */
  changed(): Told | undefined
  /** Changes after this id; with undefined, all of it. */
  since(id: string | undefined): Told
}

export class Channel {
  readonly #source: Source
  readonly #clock: Clock
  readonly #readers = new Set<ServerResponse>()
  #timer: unknown
  /** The whole of it, while nothing changes: a hundred browsers that come at once share one. */
  #whole: Buffer | undefined

  constructor(source: Source, clock: Clock) {
    this.#source = source
    this.#clock = clock
  }

  get readers(): number {
    return this.#readers.size
  }

  /** Something has changed. */
  touch(): void {
    this.#whole = undefined
    if (this.#readers.size === 0) return
    this.#timer ??= this.#clock.setTimeout(() => this.#flush(), gatherMs)
  }

  join(reader: ServerResponse, lastId: string | undefined): void {
    this.#flush()
    if (lastId === undefined) reader.write((this.#whole ??= eventOf('frame', this.#source.since(undefined))))
    else reader.write(eventOf('frame', this.#source.since(lastId)))
    this.#readers.add(reader)
  }

  leave(reader: ServerResponse): void {
    this.#readers.delete(reader)
  }

  /** To all: something without a place in the stream. */
  say(event: string, body: object): void {
    const data = Buffer.from(`event: ${event}\ndata: ${JSON.stringify(body)}\n\n`)
    for (const reader of this.#readers) this.#write(reader, data)
  }

  close(): void {
    this.#clock.clearTimeout(this.#timer)
    for (const reader of this.#readers) reader.end()
    this.#readers.clear()
  }

  #flush(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer)
    this.#timer = undefined
    const told = this.#source.changed()
    if (told === undefined) return
    this.#whole = undefined
    if (this.#readers.size === 0) return
    const data = eventOf('frame', told)
    for (const reader of this.#readers) this.#write(reader, data)
  }

  #write(reader: ServerResponse, data: Buffer): void {
    if (reader.writableLength > mostWaiting) {
      this.#readers.delete(reader)
      reader.destroy()
    } else reader.write(data)
  }
}

/** JSON has no line breaks of its own, so one line of data holds it. */
function eventOf(event: string, { id, frame }: Told): Buffer {
  return Buffer.from(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(frame)}\n\n`)
}
