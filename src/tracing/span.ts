/** A piece of work of an experiment, and the same in the words of OTLP (opentelemetry/proto/trace/v1/trace.proto, as JSON). */
import { spanIdOf, traceIdOf } from './ids.ts'

export interface Span {
  readonly experiment: string
  /** Left out: it is the experiment's, and in the experiment's own trace. */
  readonly trial?: number
  /** The name of the activity: once for each trial. */
  readonly name: string
  /** The name of the span above it; left out: none is. */
  readonly below?: string
  /** Milliseconds since 1970-01-01T00:00Z. */
  readonly startedAt: number
  readonly endedAt: number
  readonly failed?: boolean
  readonly attributes?: Readonly<Record<string, string | number>>
}

const status = { unset: 0, error: 2 }
const internal = 1

const nanoseconds = (at: number): string => `${Math.round(at)}000000`

export function otlpSpan({ experiment, trial, name, below, startedAt, endedAt, failed, attributes = {} }: Span) {
  const all = {
    'maggy.experiment': experiment,
    ...(trial === undefined ? {} : { 'maggy.trial': trial }),
    ...attributes,
  }
  return {
    traceId: traceIdOf(experiment, trial),
    spanId: spanIdOf(experiment, trial, name),
    ...(below === undefined ? {} : { parentSpanId: spanIdOf(experiment, trial, below) }),
    name,
    kind: internal,
    startTimeUnixNano: nanoseconds(startedAt),
    endTimeUnixNano: nanoseconds(Math.max(startedAt, endedAt)),
    attributes: otlpAttributes(all),
    // From a trial to the experiment that it belongs to.
    ...(trial === undefined || below !== undefined
      ? {}
      : { links: [{ traceId: traceIdOf(experiment), spanId: spanIdOf(experiment, undefined, 'submit') }] }),
    status: { code: failed === true ? status.error : status.unset },
  }
}

export function otlpAttributes(attributes: Readonly<Record<string, string | number>>) {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value: typeof value === 'string' ? { stringValue: value } : { doubleValue: value },
  }))
}
