/** One experiment as the page holds it, kept up by frames. */
import { signal } from '@preact/signals'
import type { LayersGraph } from '../../../protocol/index.ts'
import type { GenerationRecord } from '../../history/index.ts'
import { AttemptList } from '../model/attempts.ts'
import { Trials } from '../model/trials.ts'
import { Series } from '../series.ts'
import type { CurveColumns, ExperimentFrame, PointBatch, Progress, Standing, Waiting } from '../wire.ts'
import { source } from './source.ts'

/** Points of a curve on the page. */
const mostPoints = 1_024
const askMs = 60
const againMs = 1_000

export class ExperimentStore {
  readonly id: string
  trials = new Trials()
  attempts = new AttemptList()
  readonly standing = signal<Standing | null>(null)
  readonly progress = signal<Progress | null>(null)
  readonly waiting = signal<Waiting | null>(null)
  readonly generations = signal<readonly GenerationRecord[]>([])
  /** Of an ablation whose client has looked at the model. */
  readonly graph = signal<LayersGraph | null>(null)
  /** Goes up when trials or attempts have changed. */
  readonly version = signal(0)
  /** Goes up when curves have grown. */
  readonly drawn = signal(0)
  readonly curves = new Map<number, Series>()
  readonly #wanted = new Set<number>()
  /** Asked for, and what came meanwhile. */
  readonly #asked = new Map<number, PointBatch[]>()
  readonly #close: () => void
  #timer: number | undefined
  #frame = 0
  #changed = false
  #grown = false

  constructor(id: string) {
    this.id = id
    const stream = source.experiment(id, {
      frame: (frame) => this.#take(frame),
      opened: (again) => {
        // Points that came while it was away are in no frame.
        if (again) this.#askFor([...this.#wanted])
      },
    })
    this.#close = () => stream.close()
  }

  close(): void {
    window.clearTimeout(this.#timer)
    this.#close()
  }

  /** The curves of these trials are kept up from now on. */
  want(trials: readonly number[]): void {
    const fresh = trials.filter((trial) => !this.#wanted.has(trial))
    for (const trial of fresh) this.#wanted.add(trial)
    if (fresh.length > 0) this.#askFor(fresh)
  }

  #take(frame: ExperimentFrame): void {
    if (frame.whole === true) {
      this.trials = new Trials()
      this.attempts = new AttemptList()
      this.graph.value = frame.graph ?? null
    }
    if (frame.trials !== undefined) this.trials.merge(frame.trials)
    if (frame.attempts !== undefined) this.attempts.merge(frame.attempts)
    if (frame.generations !== undefined) this.generations.value = frame.generations
    if (frame.standing !== undefined) this.standing.value = frame.standing
    if (frame.progress !== undefined) this.progress.value = frame.progress
    if (frame.waiting !== undefined) this.waiting.value = frame.waiting
    for (const batch of frame.points ?? []) this.#point(batch)
    this.#changed ||= frame.trials !== undefined
    this.#redraw()
  }

  #point(batch: PointBatch): void {
    if (!this.#wanted.has(batch.trial)) return
    const kept = this.#asked.get(batch.trial)
    if (kept !== undefined) {
      kept.push(batch)
      return
    }
    let series = this.curves.get(batch.trial)
    if (series === undefined || series.attempt < batch.attempt) {
      series = new Series(batch.trial, batch.attempt, mostPoints)
      this.curves.set(batch.trial, series)
    }
    if (series.attempt > batch.attempt) return
    if (series.take(batch.first, batch.points) === 'gap') this.#askFor([batch.trial])
    this.#grown = true
  }

  #askFor(trials: readonly number[]): void {
    for (const trial of trials) if (!this.#asked.has(trial)) this.#asked.set(trial, [])
    this.#timer ??= window.setTimeout(() => void this.#ask(), askMs)
  }

  async #ask(): Promise<void> {
    this.#timer = undefined
    const trials = [...this.#asked.keys()]
    try {
      const curves = await source.curves(this.id, trials)
      for (const columns of curves) this.#curve(columns)
      for (const trial of trials) {
        const meanwhile = this.#asked.get(trial) ?? []
        this.#asked.delete(trial)
        for (const batch of meanwhile) this.#point(batch)
      }
      this.#grown = true
      this.#redraw()
    } catch {
      // The stream says that the board is away; once it is back, they are asked for again.
      this.#timer = window.setTimeout(() => void this.#ask(), againMs)
    }
  }

  #curve(columns: CurveColumns): void {
    this.curves.set(columns.trial, Series.of(columns, mostPoints))
  }

  /** However many frames come, the page is drawn once for each that the screen shows. */
  #redraw(): void {
    if (this.#frame !== 0) return
    const draw = () => {
      this.#frame = 0
      if (this.#changed) this.version.value += 1
      if (this.#grown) this.drawn.value += 1
      this.#changed = false
      this.#grown = false
    }
    this.#frame = document.hidden ? window.setTimeout(draw, askMs) : window.requestAnimationFrame(draw)
  }
}
