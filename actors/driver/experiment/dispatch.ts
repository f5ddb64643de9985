/**
 * Sends assignments and stops to workers; their answers go back to the attempts.
 * I1 A trial's assignment is in the log before it goes out.
 * I2 A driver that is fenced and does not know it yet stops nothing that another driver runs.
 */
import type { AttemptRef } from '../../../protocol/index.ts'
import type { Clock } from '../../../src/actor/index.ts'
import type { History } from '../../../src/history/index.ts'
import type { Fleet, Place } from '../fleet/index.ts'
import { assignmentOf, type Attempts, type Delivery, type TrialDecision } from '../trials/index.ts'
import type { LogWriter } from './log-writer.ts'

type Stop = Extract<TrialDecision, { kind: 'stop' }>

interface DispatchRooms {
  readonly history: History
  readonly writer: LogWriter
  readonly attempts: Attempts
  readonly delivery: Delivery
}

interface DispatchHost {
  /** The experiment is closed here: another driver has it, or it has ended. */
  isOver(): boolean
  perform(decisions: readonly TrialDecision[]): void
  /** Something changed that placement may use. */
  changed(): void
}

export class Dispatch {
  readonly #clock: Clock
  readonly #driver: string
  readonly #fleet: Fleet
  readonly #rooms: DispatchRooms
  readonly #host: DispatchHost
  /** Stops on their way, by worker, attempt and reason. */
  readonly #stops = new Set<string>()

  constructor(
    { clock, driver, fleet }: { clock: Clock; driver: string; fleet: Fleet },
    rooms: DispatchRooms,
    host: DispatchHost,
  ) {
    this.#clock = clock
    this.#driver = driver
    this.#fleet = fleet
    this.#rooms = rooms
    this.#host = host
  }

  async deliver(place: Place, attempt: AttemptRef): Promise<void> {
    const { history, writer, attempts, delivery } = this.#rooms
    const isOver = () => this.#host.isOver()
    // I1
    if (!(await writer.kept()) || isOver()) return
    this.#fleet.dispatched(place)
    const trial = history.trial(attempt.trial)?.context
    if (trial === undefined) return
    const { submission, vouched } = history
    const { worker, slot } = place
    const { ablated } = trial
    const assignment = assignmentOf({ driver: this.#driver, submission, vouched, attempt, slot, trial, ablated })
    const wanted = () => !isOver() && attempts.wants(place, attempt)
    const delivered = await delivery.deliver(worker, assignment, wanted, () => this.#fleet.assigned(place, 'silent'))
    if (isOver()) return
    const at = this.#clock.now()
    if (delivered.kind === 'taken') {
      if (place.holds(attempt)) this.#fleet.assigned(place, delivered.position)
      this.#host.perform(attempts.delivered(place, attempt))
    } else if (!place.holds(attempt)) {
      // Its worker is gone, or it ended meanwhile: what follows from that was decided when it was found out.
    } else if (delivered.kind === 'refused') {
      this.#host.perform(attempts.refused(place, attempt, delivered, { now: this.#clock.elapsed(), at }))
    } else {
      this.#host.perform(attempts.undelivered(place, attempt, at))
    }
    this.#host.changed()
  }

  /** Sent even when the experiment is over meanwhile: a ring member that does not return is stopped all the same. */
  stop(stop: Stop): void {
    if (stop.afterMs === 0) void this.#stop(stop)
    else this.#clock.setTimeout(() => void this.#stop(stop), stop.afterMs)
  }

  async #stop({ worker, attempt, reason, ifWaiting }: Stop): Promise<void> {
    const { attempts, delivery, writer } = this.#rooms
    const isOver = () => this.#host.isOver()
    // I2
    if (!isOver() && !(await writer.kept())) return
    const key = `${worker} ${attempt.trial}.${attempt.attempt} ${reason}`
    if (this.#stops.has(key)) return
    this.#stops.add(key)
    if (!ifWaiting) attempts.stopSaid(attempt, this.#clock.elapsed())
    const isWanted = () => !isOver() && attempts.holds(attempt)
    const waits = () => isWanted() && this.#fleet.find(worker, attempt)?.state === 'waiting'
    const wanted = () => (ifWaiting ? waits() : reason === 'superseded' ? this.#fleet.isHere(worker) : isWanted())
    const answer = await delivery.stop(worker, attempt, { reason, ...(ifWaiting ? { ifWaiting } : {}) }, wanted)
    this.#stops.delete(key)
    if (answer === undefined || answer.known || isOver()) return
    const place = this.#fleet.find(worker, attempt)
    if (place !== undefined) this.#host.perform(attempts.unknownToWorker(place, attempt, this.#clock.now()))
  }
}
