/**
 * An optimizer, and an ablator, is a process in any language that answers three requests: open, suggest, observe. An optimizer suggests
 * hparams, an ablator components to leave out.
 */
import { Type, type Static, type TProperties } from 'typebox'
import { Count, Id, Metrics, Options, Sentence } from './common.ts'
import { Objectives } from './context.ts'
import { call, errorBytes, few, version, whole } from './conversation.ts'

/** Trials that one message tells of. */
const pageAtMost = 65_536

/** A trial as an optimizer or an ablator sees it, with the suggestion that it came from. */
export const observationOf = <Suggested extends TProperties>(suggested: Suggested) =>
  Type.Object({
    trial: Count,
    ...suggested,
    state: Type.Union([
      Type.Literal('pending'),
      Type.Literal('done'),
      Type.Literal('pruned'),
      Type.Literal('failed'),
      Type.Literal('cancelled'),
    ]),
    /** The final metrics; of a pruned trial, the last that it reported. */
    metrics: Metrics,
    /** The last step that was reported. */
    step: Type.Union([Count, Type.Null()]),
    /** Where each is tried several times: the standard errors of `metrics`, which are means then. */
    errors: Type.Optional(Metrics),
  })

type ObservationOf<Suggested extends TProperties> = ReturnType<typeof observationOf<Suggested>>

const openReply = {
  /** Which process answered: suggest and observe go to it alone. */
  instance: Id,
  /** Whether a suggestion depends on results; if not, the driver may ask ahead of time. */
  adaptive: Type.Boolean(),
  /** Sentences for people about its choices. */
  notes: Type.Optional(Type.Array(Sentence, { maxItems: 16 })),
}

const openPayload = <Asked extends TProperties, Suggested extends TProperties>(
  asked: Asked,
  observation: ObservationOf<Suggested>,
) =>
  Type.Object({
    experiment: Id,
    ...asked,
    objectives: Objectives,
    seed: Count,
    options: Options,
    trials: Count,
    /** The trials that are known so far; those that do not fit one message follow as observe. */
    history: Type.Array(observation, { maxItems: pageAtMost }),
  })

/** Of one question. */
export const suggestionsAtMost = 1024

const suggestPayload = Type.Object({
  experiment: Id,
  /** The number of the first trial to suggest; with the seed and the history it determines the answer. */
  trial: Count,
  count: Type.Integer({ minimum: 1, maximum: suggestionsAtMost }),
})

const suggestReply = <Given extends TProperties>(given: Given) =>
  Type.Object({
    ...given,
    /** Nothing more to suggest until a trial that is pending has ended. */
    waiting: Type.Optional(Type.Boolean()),
    /** Nothing more to suggest, ever. */
    exhausted: Type.Boolean(),
  })

const observePayload = <Suggested extends TProperties>(observation: ObservationOf<Suggested>) =>
  Type.Object({
    experiment: Id,
    observations: Type.Array(observation, { maxItems: pageAtMost }),
    closed: Type.Boolean(),
  })

interface Words<
  Role extends 'optimizer' | 'ablator',
  Asked extends TProperties,
  Given extends TProperties,
  Suggested extends TProperties,
> {
  readonly role: Role
  /** The fields of `open` that only this role has. */
  readonly asked: Asked
  /** The fields of a reply to `suggest` that only this role has. */
  readonly given: Given
  readonly observation: ObservationOf<Suggested>
  /** A sentence for the reference about the error for an experiment that cannot be opened. */
  readonly unfit: string
  readonly suggestDoc: string
  readonly examples: {
    readonly name: string
    readonly experiment: string
    readonly open: Partial<Static<ReturnType<typeof openPayload<Asked, Suggested>>>>
    readonly suggest: { readonly trial: number; readonly reply: Static<ReturnType<typeof suggestReply<Given>>> }
    readonly observed: Static<ObservationOf<Suggested>>
  }
}

/** The subject of one of the requests to any process of that name, or to one of them. */
type Subject<Role extends string, Rest extends string> = `maggy.${typeof version}.call.${Role}.{${Role}}.${Rest}`

/** The three requests of a role. */
export function suggesterCalls<
  const Role extends 'optimizer' | 'ablator',
  Asked extends TProperties,
  Given extends TProperties,
  Suggested extends TProperties,
>(words: Words<Role, Asked, Given, Suggested>) {
  const { role, asked, given, observation, unfit, suggestDoc, examples } = words
  const { name, experiment } = examples
  const subject = <Rest extends string>(rest: Rest): Subject<Role, Rest> =>
    `maggy.${version}.call.${role}.{${role}}.${rest}`
  const one = { [role]: name, instance: `${role.charAt(0)}1` }
  const opened = { experiment, seed: 1, options: {}, history: [], ...examples.open }
  const open = call({
    name: `${role}.open`,
    queue: role,
    subject: subject('open'),
    payload: openPayload(asked, observation),
    reply: Type.Object(openReply),
    maxBytes: whole,
    maxReplyBytes: errorBytes,
    speaks: 'driver',
    hears: role,
    doc: `Opens an experiment on one of the processes that answer to this name (queue group \`${role}\`). It carries all that is needed, so the process may die and the experiment be reopened at any time. ${unfit}`,
    example: { params: { [role]: name }, payload: opened, reply: { instance: one.instance, adaptive: false } } as never,
  })
  const suggest = call({
    name: `${role}.suggest`,
    subject: subject('{instance}.suggest'),
    payload: suggestPayload,
    reply: suggestReply(given),
    maxBytes: few,
    maxReplyBytes: whole,
    speaks: 'driver',
    hears: role,
    doc: `${suggestDoc} What was suggested and not yet observed counts as pending.`,
    example: {
      params: one,
      payload: { experiment, trial: examples.suggest.trial, count: 1 },
      reply: examples.suggest.reply,
    } as never,
  })
  const observe = call({
    name: `${role}.observe`,
    subject: subject('{instance}.observe'),
    payload: observePayload(observation),
    reply: Type.Object({}),
    maxBytes: whole,
    maxReplyBytes: few,
    speaks: 'driver',
    hears: role,
    doc: 'Tells what trials came to. With `closed` the experiment is over and may be forgotten. EXPERIMENT_UNKNOWN: open it (again).',
    example: {
      params: one,
      payload: { experiment, observations: [examples.observed], closed: false },
      reply: {},
    } as never,
  })
  return { open, suggest, observe }
}
