/** Who is on the bus: one message asks, and everybody who hears it says who it is. Nothing but a list for people rests on it. */
import { Type } from 'typebox'
import { Count, Id, Instant, Label, mapOf, Options } from './common.ts'
import { few, kibibyte, message, version } from './conversation.ts'

/** A name that an actor answers to. */
export const ServedName = Type.Object({
  name: Id,
  /** Whether what it suggests depends on results. */
  adaptive: Type.Optional(Type.Boolean()),
  /** The options that experiments may give beside the name, as a JSON Schema of type object. Left out: it is not known. */
  options: Type.Optional(Options),
})
export type ServedName = Type.Static<typeof ServedName>

/** What an actor says of itself. What is left out is not known, and shown as such. */
export const ActorInfo = Type.Object({
  role: Type.Union([
    Type.Literal('optimizer'),
    Type.Literal('pruner'),
    Type.Literal('ablator'),
    Type.Literal('driver'),
  ]),
  /** The names that experiments know it by; empty for a driver. */
  serves: Type.Array(ServedName, { maxItems: 256 }),
  /** The language that it is written in, as people write it: TypeScript, Python, Go. */
  language: Type.Optional(Label),
  /** Versions by name: of itself, of what it is built on. */
  versions: Type.Optional(mapOf(Label, 64)),
  host: Type.Optional(Label),
  pid: Type.Optional(Count),
  startedAt: Type.Optional(Instant),
  /** How busy it is: experiments that it keeps in mind (a driver: that it owns), and questions that it has not answered yet. */
  load: Type.Optional(Type.Object({ experiments: Count, questions: Type.Optional(Count) })),
})
export type ActorInfo = Type.Static<typeof ActorInfo>

export const callActors = message({
  name: 'actor.rollcall',
  subject: `maggy.${version}.actor.{actor}.rollcall`,
  payload: Type.Object({}),
  maxBytes: few,
  speaks: ['client', 'board'],
  hears: ['optimizer', 'ablator', 'driver', 'worker'],
  doc: 'Who is there? {actor} is an identity that whoever asks makes up. Every optimizer, pruner, ablator and driver that hears it says actor.announce, a worker worker.announce. Optional for an actor in another language: one that does not answer works all the same, and is not listed.',
  example: { params: { actor: 'c1' }, payload: {} },
})

export const announceActor = message({
  name: 'actor.announce',
  subject: `maggy.${version}.actor.{actor}.announce`,
  payload: ActorInfo,
  maxBytes: 256 * kibibyte,
  speaks: ['optimizer', 'ablator', 'driver'],
  hears: ['client', 'board'],
  doc: 'An optimizer, a pruner, an ablator or a driver says that it is here, and what it is: when it starts, and when it hears actor.rollcall. {actor} is its identity: of an optimizer and an ablator, the `instance` that it opens experiments with.',
  example: {
    params: { actor: 'o1' },
    payload: {
      role: 'optimizer',
      serves: [
        {
          name: 'mine',
          adaptive: true,
          options: { type: 'object', properties: { greed: { type: 'number', minimum: 0, maximum: 1 } } },
        },
      ],
      language: 'Python',
      versions: { 'maggy-actors': '0.1.0', python: '3.12.3' },
      host: 'host-a',
      pid: 4711,
      startedAt: 1_700_000_000_000,
      load: { experiments: 2 },
    },
  },
})
