/** Everything about one experiment, for as long as somebody looks at it. */
import type { ExperimentFrame, PointBatch, Watched } from '../../src/board/index.ts'
import type { Source, Told } from './channel.ts'
import type { Curves } from './curves.ts'
import { placeIn } from './home.ts'
import type { Standings } from './standings.ts'

export class Look implements Source {
  readonly watched: Watched
  readonly curves: Curves
  readonly #standings: Standings
  #told: number
  #last = ''

  constructor(watched: Watched, curves: Curves, standings: Standings) {
    this.watched = watched
    this.curves = curves
    this.#standings = standings
    this.#told = watched.sequence
  }

  changed(): Told | undefined {
    const { sequence } = this.watched
    const points = this.curves.takeFresh()
    const beside = this.#beside()
    const text = JSON.stringify(beside)
    if (sequence === this.#told && points.length === 0 && text === this.#last) return undefined
    const frame = sequence === this.#told ? {} : this.watched.since(this.#told)
    this.#told = sequence
    this.#last = text
    return { id: String(sequence), frame: { ...frame, ...beside, ...said(points) } }
  }

  /** The points that somebody lacks who was away are asked for by curve: a frame holds those that come from now on. */
  since(id: string | undefined): Told {
    const { sequence } = this.watched
    const frame = this.watched.since(placeIn(id, sequence))
    return { id: String(sequence), frame: { ...frame, ...this.#beside() } }
  }

  #beside(): Pick<ExperimentFrame, 'progress' | 'waiting'> {
    const { experiment } = this.watched.reading
    return { progress: this.#standings.progressOf(experiment), waiting: this.#standings.waiting(experiment) }
  }
}

const said = (points: readonly PointBatch[]): Pick<ExperimentFrame, 'points'> => (points.length === 0 ? {} : { points })
