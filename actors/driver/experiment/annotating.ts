/** Notes and tags that people give to an experiment that runs. */
import {
  problem,
  type annotateExperiment,
  type LogEvent,
  type PayloadOf,
  type ReplyOf,
} from '../../../protocol/index.ts'
import type { Clock } from '../../../src/actor/index.ts'
import type { History } from '../../../src/history/index.ts'

interface AnnotatingHost {
  commit(event: LogEvent): void
  /** Resolves once all that was committed is in the log; false: another driver has the experiment. */
  kept(): Promise<boolean>
}

/** The answer comes once it is in the log. */
export async function annotate(
  { clock, driver }: { clock: Clock; driver: string },
  history: History,
  host: AnnotatingHost,
  said: PayloadOf<typeof annotateExperiment>,
): Promise<ReplyOf<typeof annotateExperiment>> {
  const { experiment } = history.submission
  host.commit(annotationOf(history, said, clock.now()))
  if (!(await host.kept())) throw problem('DRIVER_FENCED', { driver, experiment })
  return { tags: [...history.records.annotations.tags] }
}

/** The event for it. Throws ANNOTATION_REFUSED. */
export function annotationOf(
  history: History,
  { remark, tag, untag }: PayloadOf<typeof annotateExperiment>,
  at: number,
): Extract<LogEvent, { type: 'experiment.annotated' }> {
  const event = {
    type: 'experiment.annotated' as const,
    at,
    ...(remark === undefined ? {} : { remark }),
    ...(tag === undefined ? {} : { tag }),
    ...(untag === undefined ? {} : { untag }),
  }
  const reason = history.records.annotations.refusal(event)
  if (reason === undefined) return event
  throw problem('ANNOTATION_REFUSED', { experiment: history.submission.experiment, reason })
}
