/**
 * An optimizer by hand, as somebody would write it from the protocol's pages alone, and with one fault each, the mistakes that are made there.
 * Its suggestions depend on everything that it knows, so that whatever it knows wrongly shows.
 */
import { decode, encode, type Hparams, type SearchSpace } from '../../protocol/index.ts'
import type { Bus, Subscription } from '../../src/bus/index.ts'
import { createRandom } from '../../src/random/index.ts'
import { sample } from '../../src/space/index.ts'

export type OptimizerFault =
  | 'none'
  | 'serves its instance after it has answered'
  | 'has no queue group'
  | 'dies of garbage'
  | 'answers errors as plain text'
  | 'takes other versions for its own'
  | 'refuses fields that it does not know'
  | 'mixes experiments up'
  | 'makes up an experiment that it does not know'
  | 'never forgets'
  | 'does not answer an empty observe'
  | 'leaves the bounds of doubles'
  | 'leaves the steps'
  | 'ignores log'
  | 'makes text of every choice'
  | 'gives inactive parameters'
  | 'ignores conditions that are false'
  | 'ignores constraints'
  | 'leaves out constants'
  | 'gives NaN for wide ranges'
  | 'gives one suggestion, however many are asked for'
  | 'gives more than asked for'
  | 'answers anew when it is asked again'
  | 'gives the same point to all that run at once'
  | 'takes back that it is exhausted'
  | 'waits for nothing'
  | 'counts twice what it is told twice'
  | 'minds the order in which it is told'
  | 'forgets the history of open'
  | 'falls over null'
  | 'falls over trials that it did not suggest'
  | 'forgets pending trials'
  | 'remembers across openings'
  | 'begins anew when it is opened again'
  | 'draws from a generator of its own'
  | 'refuses without a path'
  | 'refuses with a code of its own'

interface Trial {
  readonly trial: number
  readonly hparams: Hparams
  readonly state: string
  readonly metrics: Readonly<Record<string, number | null>>
}

interface Session {
  readonly space: SearchSpace
  readonly seed: number
  known: Trial[]
  asked: number
}

const instance = 'wrong-1'

class Refusal extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** Answers as the optimizer `wrong` until it is ended. */
export function startWrongOptimizer(bus: Bus, fault: OptimizerFault): { end(): void } {
  const sessions = new Map<string, Session>()
  const is = (one: OptimizerFault): boolean => fault === one
  const subscriptions: Subscription[] = []
  let dead = false
  let own = 0

  const answer = (subject: string, handler: (payload: Record<string, unknown>) => object, queue?: string): void => {
    const subscription = bus.subscribe(
      subject,
      (delivery) => {
        if (dead) return
        if (!delivery.subject.startsWith('maggy.v1.') && !is('takes other versions for its own')) {
          return delivery.respond(encode({ error: { code: 'VERSION_UNSUPPORTED', message: 'v1 only' } }))
        }
        try {
          const reply = handler(payloadIn(delivery.data))
          if (reply !== silence) delivery.respond(encode({ ok: reply }))
        } catch (error) {
          if (is('dies of garbage') && !(error instanceof Refusal)) {
            dead = true
            return
          }
          if (is('answers errors as plain text')) return delivery.respond(encode({ error: (error as Error).message }))
          const code = error instanceof Refusal ? error.code : 'MESSAGE_INVALID'
          delivery.respond(encode({ error: { code, message: (error as Error).message } }))
        }
      },
      queue === undefined ? {} : { queue },
    )
    subscriptions.push(subscription)
  }

  const open = (payload: Record<string, unknown>): object => {
    const { experiment, space, seed, options, history, somethingNew } = payload
    if (typeof experiment !== 'string' || !/^[\w-]+$/.test(experiment)) throw new TypeError('no experiment')
    if (somethingNew !== undefined && is('refuses fields that it does not know'))
      throw new TypeError('somethingNew is unknown')
    for (const name of Object.keys(options as object)) {
      if (is('refuses without a path')) throw new Refusal('OPTIMIZER_UNFIT', 'bad options')
      const code = is('refuses with a code of its own') ? 'BAD_OPTION' : 'OPTIMIZER_UNFIT'
      throw new Refusal(code, `options.${name} is unknown`)
    }
    const before = sessions.get(experiment)
    const session: Session = {
      space: space as SearchSpace,
      seed: Number(seed),
      known: [],
      asked: 0,
    }
    if (is('remembers across openings')) session.known = before?.known ?? []
    const told = (history as Trial[]).filter(({ state }) => state !== 'pending' || !is('forgets pending trials'))
    if (!is('forgets the history of open')) tell(session, told)
    sessions.set(experiment, session)
    if (is('serves its instance after it has answered')) setImmediate(serve)
    return { instance, adaptive: true }
  }

  const tell = (session: Session, trials: readonly Trial[]): void => {
    for (const each of trials) {
      if (typeof each.trial !== 'number' || each.hparams === undefined) throw new TypeError('no trial')
      if (is('falls over null') && Object.values(each.metrics).some((value) => value === null))
        throw new TypeError('null has no value')
      if (is('falls over trials that it did not suggest') && each.trial > 2 ** 39) throw new TypeError('no such trial')
      if (!is('counts twice what it is told twice') && session.known.some(({ trial }) => trial === each.trial))
        session.known = session.known.filter(({ trial }) => trial !== each.trial)
      session.known.push(each)
    }
    if (!is('minds the order in which it is told')) session.known.sort((a, b) => a.trial - b.trial)
  }

  const found = (payload: Record<string, unknown>): Session => {
    const experiment = String(payload['experiment'])
    const session = sessions.get(experiment)
    if (session !== undefined) return session
    if (is('makes up an experiment that it does not know')) return { space: {}, seed: 0, known: [], asked: 0 }
    throw new Refusal('EXPERIMENT_UNKNOWN', `${experiment} is not open`)
  }

  const suggest = (payload: Record<string, unknown>): object => {
    const { trial, count } = payload
    if (!Number.isInteger(trial) || Number(trial) < 0 || !Number.isInteger(count) || Number(count) < 1)
      throw new TypeError('no trial')
    const session = found(payload)
    if (is('waits for nothing')) return { hparams: [], waiting: true, exhausted: false }
    session.asked += 1
    if (is('takes back that it is exhausted') && session.asked === 9) return { hparams: [], exhausted: true }
    const hparams: Hparams[] = []
    const wanted = is('gives one suggestion, however many are asked for')
      ? 1
      : Number(count) + (is('gives more than asked for') ? 1 : 0)
    for (let each = Number(trial); each < Number(trial) + wanted; each += 1) hparams.push(one(session, each))
    return { hparams, exhausted: false }
  }

  const one = (session: Session, trial: number): Hparams => {
    const before = session.known.find((each) => each.trial === trial)?.hparams
    if (before !== undefined && !is('answers anew when it is asked again')) return before
    const made = spoilt(fault, session.space, draw(session, trial))
    tell(session, [{ trial, hparams: made, state: 'pending', metrics: {} }])
    return made
  }

  const draw = (session: Session, trial: number): Hparams => {
    own += 1
    if (is('draws from a generator of its own')) return sample(session.space, createRandom('own', own))
    if (is('begins anew when it is opened again'))
      return sample(session.space, createRandom(session.seed, session.asked))
    if (is('gives the same point to all that run at once')) {
      const ended = session.known.filter(({ state }) => state !== 'pending')
      return sample(session.space, createRandom(session.seed, JSON.stringify(ended)))
    }
    const seen = session.known.map((each) => [each.trial, each.state, each.metrics])
    return sample(
      session.space,
      createRandom(session.seed, trial + (is('answers anew when it is asked again') ? own : 0), JSON.stringify(seen)),
    )
  }

  const observe = (payload: Record<string, unknown>): object => {
    const { observations, closed } = payload
    if (!Array.isArray(observations)) throw new TypeError('no observations')
    if (is('does not answer an empty observe') && observations.length === 0 && closed !== true) return silence
    const session = found(payload)
    for (const each of is('mixes experiments up') ? sessions.values() : [session]) tell(each, observations as Trial[])
    if (closed === true && !is('never forgets')) sessions.delete(String(payload['experiment']))
    return {}
  }

  let served = false
  const serve = (): void => {
    if (served) return
    served = true
    const versions = 'maggy.*'
    answer(`${versions}.call.optimizer.wrong.${instance}.suggest`, suggest)
    answer(`${versions}.call.optimizer.wrong.${instance}.observe`, observe)
  }
  answer('maggy.*.call.optimizer.wrong.open', open, is('has no queue group') ? undefined : 'optimizer')
  if (!is('serves its instance after it has answered')) serve()
  return {
    end() {
      for (const subscription of subscriptions) subscription.unsubscribe()
    },
  }
}

const silence = {}

function payloadIn(data: Uint8Array): Record<string, unknown> {
  const payload = decode(data, 'a question')
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) throw new TypeError('no map')
  return payload as Record<string, unknown>
}

/** A point as an optimizer with this fault would have it. */
function spoilt(fault: OptimizerFault, space: SearchSpace, hparams: Hparams): Hparams {
  const made: Hparams = { ...hparams }
  for (const [name, parameter] of Object.entries(space)) {
    const value = made[name]
    const { type } = parameter
    if (fault === 'gives inactive parameters' && value === undefined && 'low' in parameter) made[name] = parameter.low
    if (fault === 'ignores conditions that are false' && parameter.when !== undefined) delete made[name]
    if (value === undefined) continue
    if (type === 'double' && parameter.step === undefined && fault === 'leaves the bounds of doubles')
      made[name] = parameter.high + 1
    if ((type === 'double' || type === 'integer') && parameter.step !== undefined && fault === 'leaves the steps') {
      made[name] = parameter.low + parameter.step * 0.5
    }
    if (type === 'double' && parameter.log === true && fault === 'ignores log')
      made[name] = (parameter.low + parameter.high) / 2
    if (type === 'categorical' && fault === 'makes text of every choice') made[name] = String(value)
    if (type === 'constant' && fault === 'leaves out constants') delete made[name]
    if (type === 'double' && parameter.high > 1e200 && fault === 'gives NaN for wide ranges') made[name] = Number.NaN
    if (fault === 'ignores constraints' && parameter.where !== undefined && 'high' in parameter)
      made[name] = parameter.high
  }
  return made
}
