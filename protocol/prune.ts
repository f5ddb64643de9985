/** A user's own pruner: one request, which carries everything that it judges by, so that the pruner needs no memory. */
import { Type } from 'typebox'
import { Count, Id, MetricPoint, Options } from './common.ts'
import { Objectives } from './context.ts'
import { call, few, version, whole } from './conversation.ts'

/** A trial as a pruner sees it, by at most 64 of its points, the last among them. */
export const JudgedTrial = Type.Object({
  trial: Count,
  state: Type.Union([
    Type.Literal('running'),
    Type.Literal('done'),
    Type.Literal('pruned'),
    Type.Literal('failed'),
    Type.Literal('cancelled'),
  ]),
  points: Type.Array(MetricPoint, { maxItems: 64 }),
})
export type JudgedTrial = Type.Static<typeof JudgedTrial>

export const judge = call({
  name: 'pruner.judge',
  queue: 'pruner',
  subject: `maggy.${version}.call.pruner.{pruner}.judge`,
  payload: Type.Object({
    experiment: Id,
    objectives: Objectives,
    options: Options,
    trial: JudgedTrial,
    /** Other trials: the 256 that became known last. */
    history: Type.Array(JudgedTrial, { maxItems: 256 }),
  }),
  reply: Type.Object({ verdict: Type.Union([Type.Literal('continue'), Type.Literal('stop')]) }),
  maxBytes: whole,
  maxReplyBytes: few,
  speaks: 'driver',
  hears: 'optimizer',
  doc: 'Asks a pruner that a user serves (queue group `pruner`) whether a trial goes on. Asked after reports, one question of an experiment at a time; while nobody answers, nothing is stopped.',
  example: {
    params: { pruner: 'mine' },
    payload: {
      experiment: 'mnist-tune-7f3a',
      objectives: [{ metric: 'accuracy', direction: 'maximize' }],
      options: {},
      trial: { trial: 3, state: 'running', points: [{ step: 0, at: 1_700_000_000_000, values: { accuracy: 0.1 } }] },
      history: [],
    },
    reply: { verdict: 'continue' },
  },
})
