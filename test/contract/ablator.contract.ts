/**
 * What every ablator must keep, as a suite for its author: `ablatorContract(plugin, { describe, it })` with the functions of any
 * test runner. It takes studies to their end, with several trials under way at once, and looks at what was left out.
 */
import assert from 'node:assert/strict'
import type { AblationObservation, Component, Direction, Removal } from '../../protocol/index.ts'
import type { AblationQuestion, AblatorPlugin } from '../../src/ablation/index.ts'
import { createRandom } from '../../src/random/index.ts'
import { frozen, type TestRunner } from './runner.ts'

export interface AblatorContractOptions {
  /** Options that `create` is given. Default: none. */
  readonly options?: Readonly<Record<string, unknown>>
}

const sizes = [1, 2, 5]

/** Registers the suite. */
export function ablatorContract(
  plugin: AblatorPlugin,
  runner: TestRunner,
  contract: AblatorContractOptions = {},
): void {
  const { describe, it } = runner
  const { options = {} } = contract
  const objectives = (direction: Direction) => [{ metric: 'value', direction }]

  const create = (components: readonly Component[], repeats: number, direction: Direction = 'maximize') => {
    const setting = { components, repeats, objectives: objectives(direction), options, seed: 1 }
    const ablator = plugin.create(frozen(setting))
    return (history: readonly AblationObservation[], trial: number) =>
      ablator(frozen<AblationQuestion>({ components, repeats, objectives: objectives(direction), history, trial }))
  }

  /** A study to its end, with up to three trials under way; `outcome` says what a trial comes to. */
  const run = (components: readonly Component[], repeats: number, outcome: (removal: Removal) => number | 'failed') => {
    const ask = create(components, repeats)
    const history: AblationObservation[] = []
    const end = () => {
      const index = history.findIndex(({ state }) => state === 'pending')
      const pending = history[index]
      if (pending === undefined) return false
      const value = outcome(pending)
      history[index] =
        value === 'failed' ? { ...pending, state: 'failed' } : { ...pending, state: 'done', metrics: { value } }
      return true
    }
    for (let trial = 0; ;) {
      const said = ask(
        history.map((each) => ({ ...each })),
        trial,
      )
      if (said === 'exhausted') break
      if (said === 'wait') {
        assert.ok(end(), 'it waits, and nothing runs')
        continue
      }
      history.push({
        trial,
        without: [...said.without],
        repeat: said.repeat,
        state: 'pending',
        metrics: {},
        step: null,
      })
      trial += 1
      assert.ok(trial <= plugin.most(components.length, repeats), 'more trials than it says it takes at most')
      if (history.filter(({ state }) => state === 'pending').length > 2) end()
    }
    while (end());
    return history
  }

  const anything = (removal: Removal) => createRandom(JSON.stringify(removal)).uniform()

  describe(`the ablator ${plugin.name}`, () => {
    it('has a name that can stand in a subject', () => {
      assert.match(plugin.name, /^[A-Za-z0-9_-]{1,128}$/)
    })

    it('begins with the base, and tries nothing twice', () => {
      for (const size of sizes) {
        for (const repeats of [1, 3]) {
          const history = run(componentsOf(size), repeats, anything)
          assert.deepEqual(history[0]?.without, [])
          const keys = history.map(({ without, repeat }) => JSON.stringify([[...without].sort(), repeat]))
          assert.equal(new Set(keys).size, keys.length)
        }
      }
    })

    it('leaves out every component alone at least once in each repeat', () => {
      for (const size of sizes) {
        const components = componentsOf(size)
        const history = run(components, 2, anything)
        for (const { name } of components) {
          const alone = history.filter(({ without }) => without.length === 1 && without[0] === name)
          assert.deepEqual(new Set(alone.map(({ repeat }) => repeat)), new Set([0, 1]))
        }
      }
    })

    it('names components of the study only, each once, and repeats that there are', () => {
      const components = componentsOf(4)
      const names = new Set(components.map(({ name }) => name))
      for (const { without, repeat } of run(components, 2, anything)) {
        assert.ok(without.every((name) => names.has(name)))
        assert.equal(new Set(without).size, without.length)
        assert.ok(repeat === 0 || repeat === 1)
      }
    })

    it('answers by what it is asked and not by what it was asked before', () => {
      const components = componentsOf(3)
      const history = run(components, 2, anything)
      const used = create(components, 2)
      used([], 0)
      used(history, history.length)
      for (const trial of [1, 2, 3]) {
        const known = history.slice(0, trial)
        assert.deepEqual(used(known, trial), create(components, 2)(known, trial))
      }
    })

    it('comes to an end when every trial fails', () => {
      for (const size of sizes) run(componentsOf(size), 2, () => 'failed')
    })

    it('stays exhausted once it is', () => {
      const components = componentsOf(2)
      const history = run(components, 1, anything)
      for (const later of [history.length, history.length + 7]) {
        assert.equal(create(components, 1)(history, later), 'exhausted')
      }
    })

    it('refuses an option that it does not have, with ABLATOR_UNFIT and the path', () => {
      const setting = { components: componentsOf(1), repeats: 1, objectives: objectives('minimize'), seed: 1 }
      assert.throws(
        () => plugin.create({ ...setting, options: { ...options, noSuchOption: 1 } }),
        (error: { code?: unknown; message: string }) =>
          error.code === 'ABLATOR_UNFIT' && error.message.includes('options.noSuchOption'),
      )
    })
  })
}

const componentsOf = (count: number): Component[] =>
  Array.from({ length: count }, (_, index) => {
    const name = String.fromCodePoint(97 + index)
    return { kind: 'features', name: `feature:${name}`, features: [name] }
  })
