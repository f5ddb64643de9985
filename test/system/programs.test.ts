/** The zoo in every context that each program has: real processes, tfjs's native backend. */
import { lagom, type ContextOf, type Result } from 'maggy'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readOutput } from '../../src/store/index.ts'
import { programs, type ProgramName } from '../programs/programs.ts'
import { startSystem, type System } from '../support/system.ts'

let system: System

beforeAll(async () => {
  system = await startSystem()
  await Promise.all([system.actor('driver'), system.actor('optimizer'), system.actor('ablator')])
  await system.workers(2)
})
afterAll(async () => {
  await system.stop()
})

/** Some layers cannot be left out, and that is said; everything else is trained. */
function expectEnded({ trials, state }: Result): void {
  expect(state).toBe('done')
  expect(trials.filter((trial) => trial.state === 'done')).not.toEqual([])
  for (const { problem } of trials) {
    if (problem !== undefined) expect(problem.message).toMatch(/cannot be left out: ./)
  }
}

describe.each(Object.keys(programs) as ProgramName[])('%s', (name) => {
  const program = programs[name]
  it('is explored', async () => {
    const { metrics } = await program.run({})
    expect(Object.keys(metrics)).not.toEqual([])
  })

  it.each(Object.keys(program.contexts))('runs to its end in its context %s', async (context) => {
    const { [context]: given } = program.contexts as Record<string, ContextOf>
    expectEnded(await lagom(program, given as ContextOf, { server: system.server.url, id: `${name}-${context}` }))
  })
})

it('says in the output of a training, once, that nothing could be cut', async () => {
  const said: string[] = []
  for await (const { from, text } of readOutput(system.bus, 'reinforcement-train', 0))
    if (from === 'log') said.push(text)
  expect(said).toEqual([expect.stringContaining('nothing was cut, for train called no dataset generator')])
})
