/**
 * Why an experiment stands still, for those who watch (G12). It looks at what the rooms know, the most certain reason first; the
 * last one is a watchdog, for whatever cause nobody has thought of.
 */
import { clipped, MaggyError, problem, type PayloadOf, type progress } from '../../../protocol/index.ts'
import { amounts, fitsIfLarger, fitsIfTrusted, offerOf, wanted, type Fleet, type Slot } from '../fleet/index.ts'
import { bytesText, listed } from '../../../src/words/index.ts'
import type { ExperimentRun } from './run.ts'

type Said = PayloadOf<typeof progress>['waiting']

/** Without workers, without anything that moves: not worth a word before. */
const quietMs = 10_000
/** What others keep from happening is said sooner. */
const soonMs = 2000

/** More experiments than these are not named one by one. */
const namesAtMost = 3

/** Remembers since when something has been so. */
class Since {
  #at: number | null = null

  /** For how long, in ms; null: it is not so. */
  note(holds: boolean, now: number): number | null {
    this.#at = holds ? (this.#at ?? now) : null
    return this.#at === null ? null : now - this.#at
  }
}

export class Waiting {
  readonly #paused = new Since()
  readonly #withoutMemory = new Since()
  readonly #withoutWorkers = new Since()
  readonly #withoutMembers = new Since()
  readonly #withoutSlots = new Since()
  readonly #stopping = new Since()
  /** The last reason that was known, and when it was last so. */
  #last: { readonly said: NonNullable<Said>; readonly at: number } | null = null

  /** `now`: elapsed. */
  of(run: ExperimentRun, fleet: Fleet, server: string, now: number): Said {
    const slots = fleet.slots().filter(({ worker }) => run.suits(fleet.offer(worker)))
    const members = this.#members(run, slots, server, now)
    const workers = this.#workers(run, fleet, server, now)
    const taken = this.#slots(run, slots, server, now)
    const reason =
      noted(run.rooms.writer.problem, now) ??
      this.#pause(run, now) ??
      noted(run.rooms.suggestions.problem, now) ??
      members ??
      workers ??
      this.#memory(run, now) ??
      taken ??
      unanswered(run, now) ??
      awaitedMember(run, now) ??
      refusedResult(run, now) ??
      unsuggested(run, now) ??
      this.#finishing(run, now)
    if (reason !== null) {
      this.#last = { said: reason, at: now }
      return reason
    }
    const found = watchdog(run, slots, now)
    // What has just been waited for has its time to begin; until then it is still the reason.
    const last = this.#last
    return found !== null && last !== null && now - last.at < soonMs ? last.said : found
  }

  /** Whoever has paused it may have gone since: it is said from the first moment. */
  #pause({ history }: ExperimentRun, now: number): Said {
    const { paused, submission } = history
    const sinceMs = this.#paused.note(paused, now)
    return sinceMs === null ? null : said(problem('EXPERIMENT_PAUSED', { experiment: submission.experiment }), sinceMs)
  }

  /** Whoever stops it without more waits for what runs. */
  #finishing({ history }: ExperimentRun, now: number): Said {
    const { state, held, submission } = history
    const sinceMs = this.#stopping.note(state === 'stopping' && held.size > 0, now)
    if (sinceMs === null || sinceMs < soonMs) return null
    return said(problem('TRIALS_FINISHING', { experiment: submission.experiment, trials: held.size }), sinceMs)
  }

  /** A ring that has not enough members says how many are missing. */
  #members(run: ExperimentRun, slots: readonly Slot[], server: string, now: number): Said {
    const free = slots.filter(({ lease, running }) => {
      if (lease.state === 'theirs') return false
      return running === null || (running.state !== 'foreign' && running.attempt?.experiment === run.id)
    }).length
    const missing = run.missing(free)
    const sinceMs = this.#withoutMembers.note(missing !== undefined, now) ?? 0
    if (missing === undefined || sinceMs < soonMs || missing.there >= missing.wanted) return null
    const { there, wanted } = missing
    return said(new MaggyError('RING_MEMBERS_MISSING', { there, wanted, missing: wanted - there, server }), sinceMs)
  }

  #workers(run: ExperimentRun, fleet: Fleet, server: string, now: number): Said {
    const sinceMs =
      this.#withoutWorkers.note(!fleet.present.some((info) => run.suits(fleet.offer(info.worker))), now) ?? 0
    if (sinceMs < soonMs) return null
    const others = untrusted(run, fleet, sinceMs) ?? tooSmall(run, fleet, sinceMs)
    if (others !== null || sinceMs < quietMs) return others
    return said(
      new MaggyError('WORKERS_MISSING', { wanted: wanted(run.wish), seconds: Math.round(sinceMs / 1000), server }),
      sinceMs,
    )
  }

  /** A trial ran out of memory, and waits for a slot that has more, while nothing else runs. */
  #memory(run: ExperimentRun, now: number): Said {
    const outgrown = run.places === 0 ? run.outgrown : undefined
    const sinceMs = this.#withoutMemory.note(outgrown !== undefined, now)
    if (outgrown === undefined || sinceMs === null || sinceMs < soonMs) return null
    const { trial, bytes, larger } = outgrown
    const reason = larger === undefined ? 'no worker has more' : `waits for a slot of ${larger}`
    return said(problem('MEMORY_MISSING', { trial, memory: bytesText(bytes), reason }), sinceMs)
  }

  /** Slots are there, and none of them can be had. */
  #slots(run: ExperimentRun, slots: readonly Slot[], server: string, now: number): Said {
    const mine = run.places === 0 && run.hasWork ? slots : []
    const useless = mine.filter((slot) => isUseless(slot))
    const others = mine.flatMap((slot) => (isUseless(slot) ? [] : (runningElse(slot, run.id) ?? [])))
    const isShut = mine.length > 0 && useless.length + others.length === mine.length
    const sinceMs = this.#withoutSlots.note(isShut, now)
    if (sinceMs === null || sinceMs < soonMs) return null
    if (others.length > 0) {
      const experiments = listed([...new Set(others)], namesAtMost)
      return said(new MaggyError('SLOTS_BUSY', { slots: slots.length, experiments, server }), sinceMs)
    }
    const broken = useless.find(({ lease }) => lease.state !== 'theirs')
    if (broken !== undefined) {
      const { worker, slot } = broken
      const code = broken.lease.trouble?.code ?? ''
      const reason = code === 'SLOT_HANDS_BACK' ? problem(code, { worker, slot }).message : code
      return said(problem('SLOTS_UNUSABLE', { worker, slot, reason }), sinceMs)
    }
    const drivers = [...new Set(useless.map(({ lease }) => lease.trouble?.holder ?? 'unknown'))].join(', ')
    return said(new MaggyError('SLOTS_TAKEN', { drivers, slots: slots.length, server }), sinceMs)
  }
}

const isUseless = ({ lease }: Slot): boolean => lease.state === 'theirs' || lease.trouble !== null

/** The other experiment of ours that a slot is busy with. */
function runningElse({ running }: Slot, experiment: string): string | undefined {
  const runs = running?.state === 'foreign' ? undefined : running?.attempt?.experiment
  return runs === experiment ? undefined : runs
}

function said(error: MaggyError, sinceMs: number): Said {
  return { code: error.code, message: clipped(`${error.message}; ${error.remedy}`), sinceMs: Math.round(sinceMs) }
}

/** Workers are there that would do, were the code signed by a key that they trust. */
function untrusted({ history, rooms, wish }: ExperimentRun, fleet: Fleet, sinceMs: number): Said {
  const { experiment, signature } = history.submission
  const info = fleet.present.find((one) => fitsIfTrusted(offerOf(one), wish))
  if (info === undefined) return null
  const { worker } = info
  const refusal = rooms.attempts.refusalOf(worker)
  if (refusal !== undefined) return { code: refusal.code, message: refusal.message, sinceMs: Math.round(sinceMs) }
  if (signature === undefined) return said(problem('CODE_UNSIGNED', { experiment, worker }), sinceMs)
  if (wish.key !== undefined) {
    return said(problem('CODE_UNTRUSTED', { experiment, worker, key: signature.key }), sinceMs)
  }
  return said(problem('SIGNATURE_EXPIRED', { experiment, at: new Date(signature.expiresAt).toISOString() }), sinceMs)
}

/** Workers are there that would do, had they more for each of their slots. */
function tooSmall({ wish }: ExperimentRun, fleet: Fleet, sinceMs: number): Said {
  const offers = fleet.present.map(offerOf).filter((offer) => fitsIfLarger(offer, wish))
  const [first] = offers
  if (first === undefined) return null
  const largest = offers.reduce((most, offer) => (offer.slot.memoryBytes > most.slot.memoryBytes ? offer : most), first)
  const { memoryBytes, cores, gpus } = largest.slot
  const nearest = `${largest.worker} has ${amounts({ memoryBytes, cores, gpus })}`
  return said(problem('RESOURCES_MISSING', { wanted: amounts(wish.resources), nearest }), sinceMs)
}

function noted(known: { code: string; message: string; since: number } | null, now: number): Said {
  return known === null
    ? null
    : { code: known.code, message: clipped(known.message), sinceMs: Math.round(now - known.since) }
}

function unanswered({ rooms }: ExperimentRun, now: number): Said {
  const waits = rooms.delivery.unanswered
  if (waits === undefined || now - waits.since < soonMs) return null
  const { worker, attempt, code, since } = waits
  const seconds = Math.round((now - since) / 1000)
  return said(problem('ASSIGN_UNANSWERED', { worker, trial: attempt.trial, seconds, reason: code }), now - since)
}

/** Some members of a ring wait for others, whose train is at something else. */
function awaitedMember({ rooms }: ExperimentRun, now: number): Said {
  const waits = rooms.rings?.awaited()
  if (waits === undefined || now - waits.since < quietMs) return null
  const { trial, members, workers, since } = waits
  const seconds = Math.round((now - since) / 1000)
  const waiting = members - workers.length
  return said(problem('RING_AWAITS', { trial, waiting, members, workers: workers.join(', '), seconds }), now - since)
}

function refusedResult({ refusedResult: refused, movedAt }: ExperimentRun, now: number): Said {
  // Where something has moved since, nobody waits for it.
  if (refused === null || movedAt > refused.since) return null
  const { worker, code: reason, since } = refused
  // One of an attempt that was given to another worker is nothing to speak of, unless the trial waits for it.
  if (reason === 'ATTEMPT_FOREIGN' && now - since < soonMs) return null
  return said(problem('RESULT_REFUSED', { worker, trial: refused.trial ?? 'unknown', reason }), now - since)
}

function unsuggested({ rooms, places }: ExperimentRun, now: number): Said {
  const { muteSince, name } = rooms.suggestions
  const sinceMs = muteSince === null ? 0 : now - muteSince
  // While trials run, a suggester may take its time.
  if (sinceMs < (places === 0 ? soonMs : quietMs)) return null
  return said(problem('SUGGESTION_MISSING', { suggester: name, seconds: Math.round(sinceMs / 1000) }), sinceMs)
}

function watchdog(run: ExperimentRun, slots: readonly Slot[], now: number): Said {
  const sinceMs = now - run.movedAt
  const { history } = run
  const isEnding = ['stopping', 'concluding', 'cancelling', 'failing', 'givingUp'].includes(history.state)
  const hasRoom = slots.some(({ lease, running }) => running === null && lease.state !== 'theirs')
  if (sinceMs < quietMs || !(isEnding || (run.hasWork && hasRoom))) return null
  const leases = slots.map(({ worker, slot, lease }) => `${worker}/${slot} ${lease.state}`).slice(0, 4)
  const known = [
    `it is ${history.state}`,
    `${history.queued.size} trials queued, ${history.held.size} held`,
    `slots: ${leases.join(', ') || 'none'}`,
  ].join('; ')
  return said(problem('NOTHING_MOVES', { seconds: Math.round(sinceMs / 1000), known }), sinceMs)
}
