import { describe, expect, it } from 'vitest'
import { Compile } from 'typebox/compile'
import { builtinOptimizers } from '../../protocol/index.ts'
import { optionSchemas } from '../../src/optimizer/index.ts'
import { builtinSamplers } from '../../src/samplers/index.ts'
import { builtinSchedulers } from '../../src/schedulers/index.ts'

const plugins = [...builtinSamplers.values(), ...builtinSchedulers.values()]
const setting = {
  space: { x: { type: 'double' as const, low: 0, high: 1 }, n: { type: 'integer' as const, low: 1, high: 9 } },
  objectives: [{ metric: 'value', direction: 'minimize' as const }],
  trials: 20,
  seed: 0,
}

interface Property {
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly maximum?: number
}

/** Options without which one cannot be made. */
const base: Readonly<Record<string, Record<string, unknown>>> = {
  hyperband: { maxBudget: 9 },
  bohb: { maxBudget: 9 },
  grid: { levels: 3 },
}

it('is of each optimizer that the protocol names as built in', () => {
  expect(plugins.map(({ name }) => name)).toEqual(builtinOptimizers)
  expect([...optionSchemas.keys()].toSorted()).toEqual(builtinOptimizers.toSorted())
})

describe.each(plugins)('the schema of the options of $name', (plugin) => {
  const schema = optionSchemas.get(plugin.name) as { properties: Record<string, Property> }
  const make = (options: Readonly<Record<string, unknown>>) =>
    plugin.create({ ...setting, options: { ...base[plugin.name], ...options } })

  it('names the options that there are, and no others', () => {
    let said = ''
    try {
      make({ noSuchOption: 1 })
    } catch (error) {
      said = (error as Error).message
    }
    const listed = /has ([\w, ]+?)(?:;|$)/.exec(said.slice(said.indexOf('is unknown')))?.[1] ?? ''
    const names = listed === 'no options' ? [] : listed.split(', ')
    expect(Object.keys(schema.properties).toSorted()).toEqual(names.toSorted())
  })

  it('gives defaults, choices and bounds that are taken, and bounds beyond which nothing is', () => {
    for (const [name, { default: fallback, enum: words = [], minimum, maximum }] of Object.entries(schema.properties)) {
      for (const value of [fallback, ...words, minimum].filter((each) => each !== undefined)) {
        expect(() => make({ [name]: value }), `${name} ${JSON.stringify(value)}`).not.toThrow()
      }
      if (minimum !== undefined) expect(() => make({ [name]: minimum - 1 })).toThrow(`options.${name}`)
      if (maximum !== undefined) expect(() => make({ [name]: maximum + 1 })).toThrow(`options.${name}`)
      if (words.length > 0) expect(() => make({ [name]: 'no such word' })).toThrow(`options.${name}`)
    }
  })

  it('is a schema that compiles', () => {
    const validator = Compile(schema as Parameters<typeof Compile>[0])
    expect(validator.Check(base[plugin.name] ?? {})).toBe(true)
    expect(validator.Check({ noSuchOption: 1 })).toBe(false)
  })
})
