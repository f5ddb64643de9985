import { describe, expect, it } from 'vitest'
import { progress, type AttemptOutcome, type Context, type PayloadOf } from '../../protocol/index.ts'
import { hear } from '../../src/bus/index.ts'
import { optimization, training, type TrainingOptions } from '../../src/experiment/index.ts'
import { FakeMember } from '../support/fake-member.ts'
import type { FakeWorker } from '../support/fake-worker.ts'
import { Bench } from './support.ts'

const ok: AttemptOutcome = { kind: 'done', metrics: { accuracy: 0.9 } }

async function submitTo(bench: Bench, context: Context, id = 'e1'): Promise<void> {
  await bench.submit(id, context as Parameters<Bench['submit']>[1])
}

async function train(
  options: TrainingOptions<object>,
  names: readonly string[],
): Promise<{ bench: Bench; workers: FakeWorker[] }> {
  const bench = new Bench()
  await bench.driver()
  const workers: FakeWorker[] = []
  for (const name of names) workers.push(await bench.worker(name))
  await submitTo(bench, training(options).context)
  await bench.pass(250, ...workers)
  return { bench, workers }
}

/** All have come to their first step, and the ring is at work. */
async function atWork(options: TrainingOptions<object>, names: readonly string[]) {
  const { bench, workers } = await train(options, names)
  const members = workers.filter(({ assignments }) => assignments.length > 0).map((worker) => new FakeMember(worker, 0))
  for (const member of members) await say(bench, member.join())
  return { bench, workers, members }
}

async function say<T>(bench: Bench, asked: Promise<T>): Promise<T> {
  await bench.settle()
  const answer = await asked
  await bench.settle()
  return answer
}

function listen(bench: Bench): PayloadOf<typeof progress>[] {
  const told: PayloadOf<typeof progress>[] = []
  hear(bench.client, progress, { experiment: '*' }, (payload) => told.push(payload))
  return told
}

const peers = (members: readonly FakeMember[]) => members.map((member) => member.peers)
const all = (names: readonly string[], times: number) => Array.from({ length: times }, () => [...names])

describe('a training', () => {
  it('is one trial, with a part for each worker, and needs no optimizer', async () => {
    const { bench, workers } = await train({ workers: 3, hparams: { lr: 0.1 } }, ['w1', 'w2', 'w3'])
    const assignments = workers.map(({ assignments: [assignment] }) => assignment)
    expect(assignments.map((assignment) => assignment?.attempt)).toEqual(
      [1, 2, 3].map((attempt) => ({ experiment: 'e1', trial: 0, attempt })),
    )
    expect(new Set(assignments.map((assignment) => assignment?.seed)).size).toBe(1)
    expect(assignments[0]).toMatchObject({
      hparams: { lr: 0.1 },
      ring: { ring: 'e1-0', settings: { encoding: 'float32' } },
    })
    expect(bench.faults).toEqual([])
  })

  it('takes slots across workers and within one', async () => {
    const bench = new Bench()
    await bench.driver()
    const w1 = await bench.worker('w1', { slots: 2 })
    const w2 = await bench.worker('w2')
    await submitTo(bench, training({ workers: 3 }).context)
    await bench.pass(250, w1, w2)
    expect([w1.assignments.length, w2.assignments.length]).toEqual([2, 1])
    expect(w1.assignments.map(({ slot }) => slot)).toEqual([0, 1])
  })

  it('forms its ring when all have joined, keeps the generation in the log, and starts it when all have answered', async () => {
    const { bench, workers } = await train({ workers: 2 }, ['w1', 'w2'])
    const [a, b] = workers.map((worker) => new FakeMember(worker, 0)) as [FakeMember, FakeMember]
    expect(await say(bench, a.join())).toEqual({ joined: 1, wanted: 2, ahead: null })
    expect(a.formed).toEqual([])
    await say(bench, b.join())
    expect(peers([a, b])).toEqual(all(['w1', 'w2'], 2))
    expect([a.rank, b.rank]).toEqual([0, 1])
    const formed = (await bench.events('e1')).filter(({ type }) => type === 'ring.formed')
    expect(formed).toMatchObject([
      {
        generation: 1,
        members: [
          { worker: 'w1', slot: 0, attempt: 1 },
          { worker: 'w2', slot: 0, attempt: 2 },
        ],
      },
    ])
  })

  it('is done with the first result; the results of the others are acknowledged', async () => {
    const { bench, workers } = await atWork({ workers: 2 }, ['w1', 'w2'])
    await say(bench, workers[1]!.finish(0, ok))
    expect((await bench.events('e1')).at(-1)).toMatchObject({ type: 'experiment.ended', state: 'done' })
    await say(bench, workers[0]!.finish(0, ok))
    expect(workers[0]?.unacknowledged).toEqual([])
    expect((await bench.types('e1')).filter((type) => type === 'trial.ended')).toHaveLength(1)
  })

  it('stops a member that does not return although another has', async () => {
    const { bench, workers } = await atWork({ workers: 2, graceMs: 1000 }, ['w1', 'w2'])
    await say(bench, workers[1]!.finish(0, ok))
    expect(workers[0]?.stops).toEqual([])
    await bench.pass(1250, ...workers)
    // Said again for as long as it runs what is over.
    const said = workers[0]!.stops
    expect(said.length).toBeGreaterThan(0)
    for (const stop of said) expect(stop).toMatchObject({ reason: 'superseded', attempt: { attempt: 1 } })
  })

  it('fails with the first failure, and the others are stopped', async () => {
    const { bench, workers } = await atWork({ workers: 2 }, ['w1', 'w2'])
    const outcome = {
      kind: 'failed' as const,
      problem: { code: 'RING_MANIFEST_DIFFERS', message: 'variable 2 differs' },
    }
    await say(bench, workers[0]!.finish(0, outcome))
    expect(workers[1]?.stops).toMatchObject([{ reason: 'superseded' }])
    expect((await bench.events('e1')).at(-1)).toMatchObject({ type: 'experiment.ended', state: 'failed' })
    expect(await bench.events('e1')).toContainEqual(
      expect.objectContaining({ type: 'experiment.failing', problem: outcome.problem }),
    )
    expect(await bench.events('e1')).toContainEqual(expect.objectContaining({ type: 'trial.ended', outcome }))
  })
})

describe('too few workers', () => {
  it('are waited for as long as the range says, and nothing else is said meanwhile', async () => {
    const bench = new Bench()
    await bench.driver()
    const told = listen(bench)
    const w1 = await bench.worker('w1')
    await submitTo(bench, training({ workers: { min: 1, max: 2 } }).context)
    await bench.pass(12_000, w1)
    expect(w1.running).toEqual([0])
    const codes = new Set(told.flatMap(({ waiting }) => waiting?.code ?? []))
    expect([...codes]).toEqual(['RING_MEMBERS_MISSING'])
  })

  it('are waited for, and the training says how many are missing', async () => {
    const bench = new Bench()
    await bench.driver()
    const told = listen(bench)
    const w1 = await bench.worker('w1')
    const w2 = await bench.worker('w2')
    await submitTo(bench, training({ workers: 4 }).context)
    await bench.pass(3000, w1, w2)
    expect(told.at(-1)?.waiting).toMatchObject({ code: 'RING_MEMBERS_MISSING' })
    expect(told.at(-1)?.waiting?.message).toContain('2 of 4 workers, 2 missing')
    expect([...w1.assignments, ...w2.assignments]).toEqual([])
    // Nobody is kept from other work meanwhile.
    expect([w1, w2].map((worker) => worker.status().slots[0]?.driver)).toEqual([null, null])
    const w3 = await bench.worker('w3')
    const w4 = await bench.worker('w4')
    await bench.pass(1000, w1, w2, w3, w4)
    expect([w1, w2, w3, w4].map(({ assignments }) => assignments.length)).toEqual([1, 1, 1, 1])
    await bench.pass(500)
    expect(told.at(-1)?.waiting).toBeNull()
  })

  it('are enough after the time that the user gave, if they are the minimum', async () => {
    const { bench, workers } = await train({ workers: { min: 2, max: 4 }, wait: 5000 }, ['w1', 'w2', 'w3'])
    expect(workers.flatMap(({ assignments }) => assignments)).toEqual([])
    await bench.pass(6000, ...workers)
    const members = workers.map((worker) => new FakeMember(worker, 0))
    for (const member of members) await say(bench, member.join())
    await bench.pass(500, ...workers)
    expect(peers(members)).toEqual(all(['w1', 'w2', 'w3'], 3))
  })
})

describe('a worker that is lost', () => {
  it('costs nothing but itself: the others form the next generation at once', async () => {
    const { bench, workers, members } = await atWork({ workers: 3 }, ['w1', 'w2', 'w3'])
    const [a, b, c] = members as [FakeMember, FakeMember, FakeMember]
    workers[1]?.vanish()
    b.vanish()
    await say(bench, a.suspect(1))
    // Two have found nobody there, the member and now the driver: that is enough.
    await bench.pass(20, workers[0]!, workers[2]!)
    expect(peers([a, c])).toEqual(all(['w1', 'w3'], 2))
    expect([a.rank, c.rank]).toEqual([0, 1])
    const types = await bench.types('e1')
    expect(types.filter((type) => type === 'trial.lost')).toHaveLength(1)
    await say(bench, workers[0]!.finish(0, ok))
    expect((await bench.events('e1')).at(-1)).toMatchObject({ state: 'done' })
  })

  it('is found by its silence too, when no member says so', async () => {
    const { bench, workers, members } = await atWork({ workers: 2 }, ['w1', 'w2'])
    workers[1]?.vanish()
    members[1]?.vanish()
    await bench.pass(10_000, workers[0]!)
    expect(members[0]?.peers).toEqual(['w1'])
    expect((await bench.types('e1')).filter((type) => type === 'trial.lost')).toHaveLength(1)
  })

  it('that was suspected and answers stays, and nobody loses a thing', async () => {
    const { bench, members } = await atWork({ workers: 2 }, ['w1', 'w2'])
    await say(bench, members[0]!.suspect(1))
    expect(peers(members)).toEqual(all(['w1', 'w2'], 2))
    expect(members.map(({ generation }) => generation)).toEqual([2, 2])
    expect(await bench.types('e1')).not.toContain('trial.lost')
  })

  it('is replaced: another takes its place and joins those that go on', async () => {
    const { bench, workers, members } = await atWork({ workers: 2 }, ['w1', 'w2'])
    members[1]?.vanish()
    workers[1]?.vanish()
    await say(bench, members[0]!.suspect(1))
    await bench.pass(1000, workers[0]!)
    const w3 = await bench.worker('w3')
    await bench.pass(500, workers[0]!, w3)
    const newcomer = new FakeMember(w3, 0)
    expect(newcomer.assignment.attempt.attempt).toBe(3)
    expect(members[0]?.peers).toEqual(['w1'])
    await say(bench, newcomer.join())
    expect(peers([members[0]!, newcomer])).toEqual(all(['w1', 'w3'], 2))
  })

  it.each([
    ['is sent ahead while it is far behind', 0, 0, 500, 1],
    ['is waited for when it is nearly there', 495, 0, null, 2],
    ['is waited for when it does not catch up', 100, 4, null, 2],
  ])('is made good by one that %s', async (_, step, chases, ahead, generations) => {
    const { bench, workers, members } = await atWork({ workers: { min: 1, max: 2 } }, ['w1', 'w2'])
    members[0]!.progress({ finished: 500 })
    members[1]?.vanish()
    workers[1]?.vanish()
    await say(bench, members[0]!.suspect(1))
    await bench.pass(1000, workers[0]!)
    const before = members[0]!.formed.length
    const w3 = await bench.worker('w3')
    await bench.pass(500, workers[0]!, w3)
    const newcomer = new FakeMember(w3, 0)
    expect(await say(bench, newcomer.join(step, chases))).toMatchObject({
      ahead: ahead === null ? null : { step: ahead, member: 'w1' },
    })
    expect(members[0]!.formed.length - before).toBe(generations - 1)
    // Who is in waits for nobody to be told where the ring is.
    expect(await say(bench, newcomer.join(500, chases))).toMatchObject({ ahead: null })
    expect(peers([members[0]!, newcomer])).toEqual(all(['w1', 'w3'], 2))
  })

  it('whose runner alone is gone begins anew as a newcomer', async () => {
    const { bench, workers, members } = await atWork({ workers: 2 }, ['w1', 'w2'])
    members[1]?.vanish()
    await say(bench, workers[1]!.finish(0, { kind: 'crashed', problem: { code: 'RUNNER_CRASHED', message: 'gone' } }))
    await bench.pass(500, ...workers)
    expect(members[0]?.peers).toEqual(['w1'])
    const again = new FakeMember(workers[1]!, 0)
    expect(again.assignment.attempt.attempt).toBe(3)
    await say(bench, again.join())
    expect(peers([members[0]!, again])).toEqual(all(['w1', 'w2'], 2))
  })

  it('that was out and comes back is told so, and stopped', async () => {
    const { bench, workers, members } = await atWork({ workers: 2 }, ['w1', 'w2'])
    members[1]?.vanish()
    await say(bench, members[0]!.suspect(1))
    await bench.pass(1000, ...workers)
    expect(members[0]?.peers).toEqual(['w1'])
    expect(workers[1]?.stops[0]).toMatchObject({ reason: 'superseded', attempt: { attempt: 2 } })
    expect(await say(bench, members[1]!.suspect(0))).toBe('RING_STALE')
    await say(bench, workers[1]!.finish(0, { kind: 'returned', reason: 'the ring went on without it' }))
    await bench.pass(1000, ...workers)
    const again = new FakeMember(workers[1]!, 0)
    expect(again.assignment.attempt.attempt).toBe(3)
    await say(bench, again.join())
    expect(peers([members[0]!, again])).toEqual(all(['w1', 'w2'], 2))
  })

  it('was the last one: the trial begins anew with who is there, in a later generation', async () => {
    const { bench, workers, members } = await atWork({ workers: 2 }, ['w1', 'w2'])
    for (const worker of workers) worker.vanish()
    for (const member of members) member.vanish()
    await bench.pass(10_000)
    expect((await bench.types('e1')).filter((type) => type === 'trial.lost')).toHaveLength(2)
    const w3 = await bench.worker('w3')
    await bench.pass(12_000, w3)
    const member = new FakeMember(w3, 0)
    await say(bench, member.join())
    await bench.pass(500, w3)
    expect(member.peers).toEqual(['w3'])
    expect(member.generation).toBeGreaterThan(1)
  })

  it('leaves too few: the rest waits with a message, and resumes when there are enough', async () => {
    const { bench, workers, members } = await atWork({ workers: { min: 2, max: 2 } }, ['w1', 'w2'])
    const told = listen(bench)
    members[1]?.vanish()
    workers[1]?.vanish()
    await say(bench, members[0]!.suspect(1))
    await bench.pass(4000, workers[0]!)
    expect(told.at(-1)?.waiting?.message).toContain('1 of 2 workers, 1 missing')
    expect(told.at(-1)?.running[0]?.ring).toMatchObject({ state: 'waiting' })
    const w3 = await bench.worker('w3')
    await bench.pass(500, workers[0]!, w3)
    const newcomer = new FakeMember(w3, 0)
    await say(bench, newcomer.join())
    expect(peers([members[0]!, newcomer])).toEqual(all(['w1', 'w3'], 2))
    await bench.pass(500, workers[0]!, w3)
    expect(told.at(-1)?.waiting).toBeNull()
  })

  it('may say that it leaves', async () => {
    const { bench, members } = await atWork({ workers: 3 }, ['w1', 'w2', 'w3'])
    await say(bench, members[0]!.leave('draining'))
    expect(peers(members.slice(1))).toEqual(all(['w2', 'w3'], 2))
    await say(bench, members[2]!.leave('done'))
    expect(members[1]?.generation).toBe(2)
  })

  it('that was left out says late that it leaves: another one of its worker stays', async () => {
    const bench = new Bench()
    await bench.driver()
    const w1 = await bench.worker('w1', { slots: 2 })
    const w2 = await bench.worker('w2')
    await submitTo(bench, training({ workers: { min: 1, max: 3 } }).context)
    await bench.pass(250, w1, w2)
    const [first, second, third] = [new FakeMember(w1, 0, 0), new FakeMember(w1, 0, 1), new FakeMember(w2, 0)]
    for (const member of [first, second, third]) await say(bench, member.join())
    expect(peers([first, second, third])).toEqual(all(['w1', 'w1', 'w2'], 3))
    first.vanish()
    await say(bench, third.suspect(first.rank))
    await bench.pass(4000, w1, w2)
    expect(peers([second, third])).toEqual(all(['w1', 'w2'], 2))
    const { generation } = third
    await say(bench, first.leave('draining'))
    expect(peers([second, third])).toEqual(all(['w1', 'w2'], 2))
    expect(third.generation).toBe(generation)
  })
})

describe('workers that come', () => {
  it('are taken in at any time, up to the maximum', async () => {
    const { bench, workers, members } = await atWork({ workers: { min: 1, max: 3 }, wait: 0 }, ['w1'])
    await bench.pass(500, ...workers)
    expect(members[0]?.peers).toEqual(['w1'])
    for (const name of ['w2', 'w3', 'w4']) workers.push(await bench.worker(name))
    await bench.pass(1000, ...workers)
    expect(workers.map(({ assignments }) => assignments.length)).toEqual([1, 1, 1, 0])
    for (const worker of workers.slice(1, 3)) {
      const newcomer = new FakeMember(worker, 0)
      await say(bench, newcomer.join())
      members.push(newcomer)
    }
    expect(peers(members)).toEqual(all(['w1', 'w2', 'w3'], 3))
    expect(members[0]?.rank).toBe(0)
  })
})

describe('a driver that dies', () => {
  it('disturbs no ring: the next one takes it over from the log as it is', async () => {
    const { bench, workers, members } = await atWork({ workers: 2 }, ['w1', 'w2'])
    bench.kill()
    await bench.driver('d2')
    await bench.pass(8000, ...workers)
    expect(await bench.types('e1')).toContain('experiment.adopted')
    expect(members.map(({ generation, started }) => [generation, started])).toEqual([
      [1, [1]],
      [1, [1]],
    ])
    workers[1]?.vanish()
    members[1]?.vanish()
    await say(bench, members[0]!.suspect(1))
    await bench.pass(750, workers[0]!)
    expect(members[0]?.peers).toEqual(['w1'])
    await say(bench, workers[0]!.finish(0, ok))
    expect((await bench.events('e1')).at(-1)).toMatchObject({ state: 'done' })
  })

  it('leaves generations that the next one does not know: whoever speaks of one is still a member', async () => {
    const { bench, workers, members } = await atWork({ workers: { min: 1, max: 2 }, wait: 0 }, ['w1'])
    await bench.pass(500, ...workers)
    workers.push(await bench.worker('w2'))
    await bench.pass(1000, ...workers)
    members.push(new FakeMember(workers[1]!, 0))
    await say(bench, members[1]!.join())
    expect(members[0]?.generation).toBe(2)
    bench.kill()
    await bench.driver('d2')
    await bench.pass(8000, ...workers)
    expect(await say(bench, members[0]!.suspect(null, 'RING_PEER_LOST', 1))).toEqual({})
    expect(peers(members)).toEqual(all(['w1', 'w2'], 2))
  })

  it('while a member was lost leaves the rest to the next one', async () => {
    const { bench, workers, members } = await atWork({ workers: 3 }, ['w1', 'w2', 'w3'])
    bench.kill()
    workers[2]?.vanish()
    members[2]?.vanish()
    await bench.driver('d2')
    await bench.pass(16_000, workers[0]!, workers[1]!)
    expect(peers(members.slice(0, 2))).toEqual(all(['w1', 'w2'], 2))
  })
})

describe('several that need several', () => {
  it('never wait for each other: the first in order gets all of its places, or none is held', async () => {
    const { bench, workers } = await train({ workers: 2 }, ['w1', 'w2', 'w3'])
    await submitTo(bench, training({ workers: 2 }).context, 'e2')
    await bench.pass(2000, ...workers)
    const given = workers.flatMap(({ assignments }) => assignments.map(({ attempt }) => attempt.experiment))
    expect(given).toEqual(['e1', 'e1'])
    expect(workers[2]?.status().slots[0]?.driver).toBeNull()
    for (const worker of workers.slice(0, 2)) await say(bench, worker.finish(0, ok))
    await bench.pass(2000, ...workers)
    const later = workers.flatMap(({ assignments }) => assignments.map(({ attempt }) => attempt.experiment))
    expect(later.filter((experiment) => experiment === 'e2')).toHaveLength(2)
  })
})

describe('a search over distributed trials', () => {
  const context = optimization({
    space: { x: { type: 'double', low: 0, high: 1 } },
    trials: 3,
    metric: 'value',
    direction: 'maximize',
    workersPerTrial: 2,
  }).context

  it('gives each trial a ring of its own, with the same hparams for all of its members', async () => {
    const bench = new Bench()
    await bench.driver()
    await bench.optimizer()
    const workers: FakeWorker[] = []
    for (const name of ['w1', 'w2', 'w3', 'w4', 'w5']) workers.push(await bench.worker(name))
    await submitTo(bench, context)
    await bench.pass(500, ...workers)
    const byTrial = (trial: number) =>
      workers.flatMap(({ assignments }) => assignments.filter(({ attempt }) => attempt.trial === trial))
    expect([0, 1, 2].map((trial) => byTrial(trial).length)).toEqual([2, 2, 0])
    expect(byTrial(0)[0]?.hparams).toEqual(byTrial(0)[1]?.hparams)
    expect(byTrial(0)[0]?.hparams).not.toEqual(byTrial(1)[0]?.hparams)
    expect(byTrial(1)[0]?.ring?.ring).toBe('e1-1')
    for (const worker of workers.filter((each) => each.holds(0))) {
      await say(bench, worker.finish(0, { kind: 'done', metrics: { value: 1 } }))
    }
    await bench.pass(1000, ...workers)
    expect(byTrial(2)).toHaveLength(2)
    for (const trial of [1, 2]) {
      for (const worker of workers.filter((each) => each.holds(trial))) {
        await say(bench, worker.finish(trial, { kind: 'done', metrics: { value: 1 } }))
      }
    }
    expect((await bench.events('e1')).at(-1)).toMatchObject({ type: 'experiment.ended', state: 'done' })
    expect(bench.faults).toEqual([])
  })
})

describe('the progress of a training', () => {
  it('tells members, step, samples a second over all, the share of communication, and who is waited for', async () => {
    const { bench, workers, members } = await atWork({ workers: 2 }, ['w1', 'w2'])
    const told = listen(bench)
    members[0]?.progress({ finished: 4, samples: 1000, stepMs: 100, waitMs: 60 })
    members[1]?.progress({ finished: 5, samples: 1000, stepMs: 100, waitMs: 0 })
    await bench.pass(1000, ...workers)
    members[0]?.progress({ finished: 14, samples: 1640, stepMs: 100, waitMs: 60 })
    members[1]?.progress({ finished: 13, samples: 1640, stepMs: 100, waitMs: 0 })
    await bench.pass(500, ...workers)
    expect(told.at(-1)?.running[0]?.ring).toEqual({
      state: 'running',
      generation: 1,
      members: ['w1', 'w2'],
      wanted: 2,
      step: 13,
      samplesPerSecond: 1280,
      communication: 0.3,
      straggler: { worker: 'w2', times: 2.5 },
    })
  })
})

describe('a training in which members wait', () => {
  it('says for whom, as soon as that takes long', async () => {
    const { bench, workers, members } = await atWork({ workers: 2 }, ['w1', 'w2'])
    const told = listen(bench)
    const [first, second] = members
    const pass = async (seconds: number, finished: number): Promise<void> => {
      for (let at = 0; at < seconds; at += 1) {
        first?.progress({ finished, stepMs: 1000, waitMs: 1000 })
        second?.progress({ finished, stepMs: 1000, waitMs: 0 })
        await bench.pass(1000, ...workers)
      }
    }
    await pass(9, 4)
    expect(told.at(-1)?.waiting).toBeNull()
    await pass(3, 4)
    expect(told.at(-1)?.waiting).toMatchObject({ code: 'RING_AWAITS' })
    expect(told.at(-1)?.waiting?.message).toMatch(
      /^trial 0: 1 of 2 workers wait for w2, whose train has not come to the next step for 1[12] s/,
    )
    await pass(1, 5)
    expect(told.at(-1)?.waiting).toBeNull()
  })

  it('says for whom, also before the first step', async () => {
    const { bench, workers } = await train({ workers: 2 }, ['w1', 'w2'])
    const told = listen(bench)
    const [first, second] = workers.map((worker) => new FakeMember(worker, 0))
    await bench.pass(20_000, ...workers)
    // Both load what they need.
    expect(told.at(-1)?.waiting).toBeNull()
    if (first !== undefined) await say(bench, first.join())
    await bench.pass(12_000, ...workers)
    expect(told.at(-1)?.waiting?.message).toContain('1 of 2 workers wait for w2, ')
    if (second !== undefined) await say(bench, second.join())
    await bench.pass(1000, ...workers)
    expect(told.at(-1)?.waiting).toBeNull()
  })
})
