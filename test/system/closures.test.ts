/** Functions by value: whatever a function closes over ships right, or is refused by its name. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, it } from 'vitest'
import { packageRoot } from '../../src/actor/index.ts'

interface Outcome {
  readonly name: string
  readonly shipped?: string
  readonly here?: string
  readonly code?: string
  readonly message?: string
}

let outcomes: readonly Outcome[] = []

beforeAll(async () => {
  const program = join(packageRoot(), 'dist', 'test', 'support', 'closure-cases.js')
  const { stdout } = await promisify(execFile)(process.execPath, [program], { cwd: packageRoot(), maxBuffer: 2 ** 24 })
  outcomes = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Outcome)
}, 120_000)

it('what is shipped does on a worker what it does here', () => {
  const shipped = outcomes.filter(({ name }) => !name.startsWith('refused'))
  expect(shipped.length).toBeGreaterThan(35)
  expect(shipped.map(({ name, shipped: there, message }) => ({ name, there: there ?? message }))).toEqual(
    shipped.map(({ name, here }) => ({ name, there: here })),
  )
})

const named: Readonly<Record<string, RegExp>> = {
  'a socket': /socket \(used by train\) .* Socket .*make it inside/,
  'a server within data': /wrapped\.deep\[0\]\.server \(used by train\) .* Server /,
  'private members': /secret \(used by train\) .*#secret/,
  'a proxy': /proxy \(used by train\) .*Proxy/,
  'a WeakMap': /weak \(used by train\) .*WeakMap/,
  'a bound function': /bound \(used by train\) .*arrow function/,
  'a promise': /waiting \(used by train\) .*await it/,
  'an iterator': /running \(used by train\) .*iterator/,
  'a model': /model \(used by train\) .*model generator/,
  'a disposed tensor': /gone \(used by train\) .*disposed/,
  'an emitter': /emitter \(used by train\) .*EventEmitter/,
  'static private members': /Hidden \(used by train\) .*#n/,
  eval: /train .*eval/,
  'a function of maggy as a value': /borrowed\.search \(used by train\) .*maggy.*import/,
  'twins that cannot be told apart': /steps .*told apart.*state in an object/,
}

it.each(Object.entries(named))('%s is refused by its name, with what to do', (name, words) => {
  const found = outcomes.find((one) => one.name === `refused: ${name}`)
  expect(found).toMatchObject({ code: 'CLOSURE_REFUSED' })
  expect(found?.message).toMatch(words)
})

it('nothing is refused that is not tested', () => {
  const refused = outcomes.filter(({ name }) => name.startsWith('refused'))
  expect(refused.map(({ name }) => name.slice('refused: '.length)).toSorted()).toEqual(Object.keys(named).toSorted())
})
