/** A driver played by hand, for tests of clients: it accepts what is submitted and writes the log that the test tells it to. */
import {
  encodePayload,
  log,
  resumeExperiment,
  stopExperiment,
  subjectFor,
  checkBundle,
  submit,
  type LogEvent,
  type Submission,
} from '../../protocol/index.ts'
import { answer, type Bus } from '../../src/bus/index.ts'

export interface HandDriver {
  readonly submissions: Submission[]
  readonly stops: string[]
  append(experiment: string, ...events: LogEvent[]): Promise<void>
}

/** `onStop` and `onAccepted` say what follows. */
export function handDriver(
  bus: Bus,
  follow: {
    onAccepted?: (driver: HandDriver, submission: Submission) => Promise<void>
    onStop?: (driver: HandDriver, experiment: string) => Promise<void>
    onResume?: (driver: HandDriver, experiment: string) => Promise<void>
  } = {},
): HandDriver {
  const last = new Map<string, number>()
  const driver: HandDriver = {
    submissions: [],
    stops: [],
    async append(experiment, ...events) {
      const subject = subjectFor(log, { experiment })
      const data = encodePayload(log, { events }, subject)
      last.set(experiment, await bus.streams.append(subject, data, { expectedLast: last.get(experiment) ?? 0 }))
    },
  }
  answer(bus, checkBundle, {}, () => ({ known: false }))
  answer(bus, submit, {}, async (submission) => {
    driver.submissions.push(submission)
    await driver.append(submission.experiment, { type: 'experiment.accepted', at: 0, submission })
    void follow.onAccepted?.(driver, submission)
    return { experiment: submission.experiment, driver: 'd1' }
  })
  answer(bus, resumeExperiment, {}, async ({ experiment }) => {
    await driver.append(experiment, { type: 'experiment.resumed', at: 0 })
    void follow.onResume?.(driver, experiment)
    return { experiment, driver: 'd1', state: 'searching' }
  })
  answer(bus, stopExperiment, { experiment: '*' }, (_, { experiment }) => {
    driver.stops.push(experiment)
    void follow.onStop?.(driver, experiment)
    return { state: 'cancelling' }
  })
  return driver
}
