import { expect, test } from 'vitest'
import {
  codeOf,
  problem,
  progress,
  signExperiment,
  submit,
  type PayloadOf,
  type Signature,
  type Submission,
} from '../../protocol/index.ts'
import { ask, hear } from '../../src/bus/index.ts'
import { createGate, signatureOf, signed } from '../../src/signing/index.ts'
import { keyFrom } from '../support/signing.ts'
import type { FakeWorkerOptions } from '../support/fake-worker.ts'
import { Bench, submission } from './support.ts'

const key = keyFrom('01'.repeat(32))
const other = keyFrom('02'.repeat(32))
const done = () => ({ kind: 'done' as const, metrics: { value: 1 } })

async function benchWith(options: FakeWorkerOptions) {
  const bench = new Bench()
  await bench.driver()
  await bench.optimizer()
  const worker = await bench.worker('w1', { run: done, ...options })
  const said: PayloadOf<typeof progress>['waiting'][] = []
  hear(bench.client, progress, { experiment: 'e1' }, ({ waiting }) => void said.push(waiting))
  const send = async (what: Submission) => {
    const asked = ask(bench.client, submit, {}, what, { timeoutMs: 60_000 }).catch((error: unknown) => error)
    await bench.settle()
    return codeOf(await asked)
  }
  const sign = async (signature: Signature) => {
    const asked = ask(bench.client, signExperiment, { experiment: 'e1' }, { signature }, { timeoutMs: 60_000 })
    const answer = asked.catch((error: unknown) => error)
    await bench.settle()
    return codeOf(await answer)
  }
  const expiresAt = bench.clock.now() + 3_600_000
  return { bench, worker, said, send, sign, expiresAt }
}

test('a signed experiment runs on a worker that trusts its key, and its signature goes with each assignment', async () => {
  const { bench, worker, send, expiresAt } = await benchWith({ trusts: [key.key] })
  const gate = createGate('w1', new Map([[key.key, 'alice']]))
  worker.refusal = (assignment) => gate.refusal(assignment, bench.clock.now())
  const given = signed(submission('e1'), key, expiresAt)
  expect(await send(given)).toBeUndefined()
  await bench.pass(5_000, worker)
  expect(worker.assignments).toHaveLength(4)
  expect(worker.assignments.map((one) => one.signed?.signature)).toEqual(Array(4).fill(given.signature))
  const [accepted] = await bench.events('e1')
  expect(accepted).toMatchObject({ submission: { signature: given.signature } })
  expect((await bench.types('e1')).at(-1)).toBe('experiment.ended')
})

test.each<[string, (expiresAt: number) => Submission]>([
  ['CODE_UNSIGNED', () => submission('e1')],
  ['CODE_UNTRUSTED', (expiresAt) => signed(submission('e1'), other, expiresAt)],
  ['SIGNATURE_EXPIRED', (expiresAt) => signed(submission('e1'), key, expiresAt - 3_600_000)],
])('%s: the worker is not asked even once, and what to do is said within 10 s', async (code, make) => {
  const { bench, worker, said, send, expiresAt } = await benchWith({ trusts: [key.key] })
  expect(await send(make(expiresAt))).toBeUndefined()
  await bench.pass(9_000, worker)
  expect(worker.assignments).toEqual([])
  expect(worker.status().slots[0]?.driver).toBeNull()
  expect(await bench.types('e1')).not.toContain('trial.assigned')
  const last = said.at(-1)
  expect(last?.code).toBe(code)
  expect(last?.message).toMatch(/maggy (key|resume)/)
  // A worker that takes all comers gets the trials at once.
  const w2 = await bench.worker('w2', { run: done })
  await bench.pass(5_000, worker, w2)
  expect(w2.assignments).toHaveLength(4)
  expect(w2.assignments.every(({ attempt }) => attempt.attempt === 1)).toBe(true)
})

test('a signature of something else is refused before anything is kept', async () => {
  const { bench, send, expiresAt } = await benchWith({})
  const given = signed(submission('e1'), key, expiresAt)
  const tampered = { ...given, context: { ...given.context, hparams: { epochs: 1000 } } }
  expect(await send(tampered as Submission)).toBe('SIGNATURE_INVALID')
  expect(await send({ ...given, bundle: { sha256: 'b'.repeat(64), bytes: 1, module: 'm.ts' } })).toBe(
    'SIGNATURE_INVALID',
  )
  expect(await bench.events('e1')).toEqual([])
  expect(await send(given)).toBeUndefined()
})

test('a worker that refuses the code all the same is not asked again and again, and no attempt is spent', async () => {
  const fastMs = 3_600_000
  const { bench, worker, said, send, expiresAt } = await benchWith({ trusts: [key.key] })
  let asked = 0
  worker.refusal = ({ attempt: { experiment } }) => {
    asked += 1
    return problem('SIGNATURE_EXPIRED', { experiment, at: 'by a clock that is fast' })
  }
  bench.clock.setWall(fastMs)
  expect(await send(signed(submission('e1', { trials: 1 }), key, expiresAt + fastMs))).toBeUndefined()
  await bench.pass(50_000, worker)
  expect(asked).toBe(1)
  expect(said.at(-1)).toMatchObject({ code: 'SIGNATURE_EXPIRED' })
  expect(said.at(-1)?.message).toContain('maggy resume e1')
  await bench.pass(600_000, worker)
  expect(asked).toBeLessThanOrEqual(12)
  expect(await bench.types('e1')).not.toContain('trial.lost')
  worker.refusal = () => undefined
  // A minute is a minute, although the driver's clock was fast and is set right.
  bench.clock.setWall(0)
  await bench.pass(70_000, worker)
  expect((await bench.types('e1')).at(-1)).toBe('experiment.ended')
})

test('one that has expired goes on once it is signed anew, also with the next driver', async () => {
  const { bench, worker, said, send, sign, expiresAt } = await benchWith({ trusts: [key.key], run: () => undefined })
  const given = submission('e1', { trials: 2 })
  expect(await send(signed(given, key, bench.clock.now()))).toBeUndefined()
  await bench.pass(5_000, worker)
  expect(said.at(-1)?.code).toBe('SIGNATURE_EXPIRED')
  expect(await sign(signatureOf(submission('e2'), key, expiresAt) as Signature)).toBe('SIGNATURE_INVALID')
  const fresh = signatureOf(given, key, expiresAt) as Signature
  expect(await sign(fresh)).toBeUndefined()
  // One that is good gives way to nobody else's.
  expect(await sign(signatureOf(given, other, expiresAt) as Signature)).toBe('SIGNATURE_INVALID')
  // Said twice it is kept once.
  expect(await sign(fresh)).toBeUndefined()
  expect((await bench.types('e1')).filter((type) => type === 'experiment.signed')).toHaveLength(1)
  bench.kill()
  worker.holdFor(null)
  await bench.driver('d2')
  await bench.pass(15_000, worker)
  for (const trial of [0, 1]) {
    await worker.finish(trial)
    await bench.pass(5_000, worker)
  }
  expect((await bench.types('e1')).at(-1)).toBe('experiment.ended')
  expect(worker.assignments.at(-1)?.signed?.signature).toEqual(fresh)
})
