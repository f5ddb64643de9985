/** An experiment that is under way, as the cell that runs it shows it: one display, changed in place a few times a second. */
import {
  importanceIn,
  picturesOf,
  Series,
  standingOf,
  trialColumns,
  Trials,
  trialsOf,
  type Seen,
} from '../board/index.ts'
import type { Bus } from '../bus/index.ts'
import type { Progress, Waiting, Watch } from '../client/index.ts'
import { Attempts, Reading } from '../history/index.ts'
import { followPoints, summarize } from '../store/index.ts'
import { bundleOf } from './frame.ts'
import type { Kernel, MimeBundle } from './kernel.ts'

/** Between two changes of the display. */
const frameMs = 300
/** Points of one curve: more cannot be seen in a picture of this size. */
const mostPoints = 256

export interface Live extends Watch {
  end(): Promise<void>
  /** The last that there was to be seen; undefined: nothing. */
  last(): MimeBundle | undefined
}

/** `said`: lines that stand above, about what was shipped. `places`: where lines of the shipped code stand in cells. */
export function liveIn(
  kernel: Kernel | undefined,
  bus: Bus,
  experiment: string,
  said: readonly string[],
  places: (text: string) => string,
): Live {
  const scene = new Scene(experiment)
  const place = kernel?.place()
  const hearing = new AbortController()
  const points = hear(bus, experiment, scene, hearing.signal)
  let showing = Promise.resolve()
  let shown = ''
  const showNow = async (isOver: boolean): Promise<void> => {
    const bundle = scene.bundle(isOver, said, places)
    const html = bundle['text/html'] ?? ''
    if (html === shown) return
    shown = html
    await place?.show(bundle)
  }
  // One after the other.
  const show = async (isOver: boolean): Promise<void> => {
    const before = showing
    const now = (async () => {
      await before
      await showNow(isOver)
    })()
    showing = now
    await now
  }
  const timer = place === undefined ? undefined : setInterval(() => void show(false), frameMs)
  return {
    onEvent: (event, reading) => scene.take(event, reading),
    onProgress: (progress) => void (scene.progress = progress),
    onWaiting: (waiting) => void (scene.waiting = waiting),
    async end() {
      clearInterval(timer)
      hearing.abort()
      await points
      await show(true)
    },
    last: () => (scene.isEmpty ? undefined : scene.bundle(true, said, places)),
  }
}

async function hear(bus: Bus, experiment: string, scene: Scene, signal: AbortSignal): Promise<void> {
  try {
    for await (const { trial, points } of followPoints(bus, experiment, signal)) {
      for (const { attempt, index, ...point } of points) {
        const series = scene.series(trial, attempt)
        series.skipTo(index)
        series.take(index, [point])
      }
    }
  } catch (error) {
    // A connection that is gone is told by whoever follows the log.
    if (!signal.aborted) scene.notice = `curves are not shown any more: ${String(error)}`
  }
}

class Scene {
  progress: Progress | null = null
  waiting: Waiting | null = null
  notice: string | undefined
  readonly #trials = new Trials()
  readonly #attempts = new Attempts()
  readonly #series = new Map<string, Series>()
  readonly #changed = new Set<number>()
  #reading: Reading
  #ring: Seen['ring'] = null

  constructor(experiment: string) {
    this.#reading = new Reading(experiment)
  }

  get isEmpty(): boolean {
    return this.#reading.history === null
  }

  take(event: Parameters<NonNullable<Watch['onEvent']>>[0], reading: Reading): void {
    this.#reading = reading
    this.#attempts.apply(event)
    if ('trial' in event) this.#changed.add(event.trial)
    // One that ends or is resumed moves trials that it does not name.
    else if (event.type.startsWith('experiment.')) for (const trial of this.#open()) this.#changed.add(trial)
  }

  series(trial: number, attempt: number): Series {
    const key = `${trial}/${attempt}`
    let series = this.#series.get(key)
    if (series === undefined) this.#series.set(key, (series = new Series(trial, attempt, mostPoints)))
    return series
  }

  bundle(isOver: boolean, said: readonly string[], places: (text: string) => string): MimeBundle {
    const reading = this.#reading
    const changed = trialsOf(reading, this.#changed)
    this.#changed.clear()
    for (const trial of isOver ? [] : this.#open()) this.#changed.add(trial)
    if (changed.length > 0) this.#trials.merge(trialColumns(changed, () => null))
    this.#ring = this.progress?.running.find(({ ring }) => ring !== undefined)?.ring ?? this.#ring
    const standing = standingOf(reading)
    const pictures =
      standing === undefined
        ? []
        : picturesOf(
            {
              standing,
              trials: this.#trials,
              curves: [...this.#series.values()],
              importance: isOver ? importanceIn(reading) : {},
              ring: this.#ring,
              generations: this.#attempts.generations,
            },
            isOver,
          )
    const { progress, waiting, notice } = this
    const notes = notice === undefined ? said : [...said, notice]
    return bundleOf({ result: summarize(reading), isOver, progress, waiting, pictures, said: notes, places })
  }

  #open(): Set<number> {
    const { history } = this.#reading
    return new Set([...(history?.queued ?? []), ...(history?.held ?? [])])
  }
}
