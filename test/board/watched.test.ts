import { expect, it } from 'vitest'
import type { LogEvent } from '../../protocol/index.ts'
import { Watched } from '../../src/board/watched.ts'
import { accepted, assigned, ended, suggested } from '../store/events.ts'

it('tells of a trial whose turn it is, though the log names the one before it', () => {
  const watched = new Watched('e')
  let sequence = 0
  const take = (...events: LogEvent[]) => watched.take((sequence += 1), { events })
  take(accepted({ trials: 2 }), suggested(0), suggested(1))
  take(assigned(0), assigned(1))
  expect(watched.since(0).trials).toMatchObject({ trial: [0, 1], state: ['running', 'queued'] })
  take(ended(0, { kind: 'done', metrics: { accuracy: 0.5 } }))
  expect(watched.since(2).trials).toMatchObject({ trial: [0, 1], state: ['done', 'running'] })
  expect(watched.since(3).trials).toMatchObject({ trial: [] })
})
