/** Whether what an optimizer suggests lies inside the space, for every kind of parameter and of relation between them. */
import type { Parameter, SearchSpace } from '../../../protocol/index.ts'
import { requires, type Check } from '../check.ts'
import type { OptimizerPeer } from './peer.ts'

const trials = 12

const one = (parameter: Parameter): SearchSpace => ({ p: parameter })

/** A check whose space is what it is about. */
function inside(name: string, says: string, why: string, space: SearchSpace, count = trials): Check<OptimizerPeer> {
  return {
    name: `values.${name}`,
    says,
    why,
    async run(peer) {
      await peer.searchInside(space, count)
      return undefined
    },
  }
}

const refused = 'what lies outside of the space fails the experiment (OPTIMIZER_MISBEHAVED)'
const gridWhy = 'a value that is not on the steps is none of the parameter’s values, and fails the experiment'
const kinds = [1, '1', true, 'true', null, 'null', 0, false, '']

/** Names that are usable, and that languages have a meaning of their own for. */
const oddNames = [
  'constructor',
  'hasOwnProperty',
  '__init__',
  'toString',
  'length',
  'class',
  'a.b-c_d',
  'é',
  '名前',
  '_',
  'n'.repeat(128),
]

export const values: readonly Check<OptimizerPeer>[] = [
  inside('double', 'keeps a double within its bounds', refused, one({ type: 'double', low: -2.5, high: 7.5 })),
  inside(
    'double-log',
    'keeps a double with log within its bounds',
    refused,
    one({ type: 'double', low: 1e-5, high: 0.1, log: true }),
  ),
  inside(
    'double-step',
    'keeps a double on its steps, counted from low',
    gridWhy,
    one({ type: 'double', low: 0.05, high: 1, step: 0.3 }),
  ),
  inside(
    'double-log-step',
    'keeps a double with log and a step on its steps',
    gridWhy,
    one({ type: 'double', low: 0.1, high: 6.4, step: 0.7, log: true }),
  ),
  inside(
    'integer',
    'gives whole numbers within the bounds for an integer',
    refused,
    one({ type: 'integer', low: -7, high: 9 }),
  ),
  inside(
    'integer-log',
    'gives whole numbers for an integer with log',
    refused,
    one({ type: 'integer', low: 1, high: 4096, log: true }),
  ),
  inside(
    'integer-step',
    'keeps an integer on its steps, counted from low',
    gridWhy,
    one({ type: 'integer', low: 3, high: 100, step: 7 }),
  ),
  inside(
    'integer-log-step',
    'keeps an integer with log and a step on its steps',
    gridWhy,
    one({ type: 'integer', low: 8, high: 512, step: 8, log: true }),
  ),
  inside(
    'discrete',
    'gives one of the numbers of a discrete parameter',
    refused,
    one({ type: 'discrete', values: [3, 1, 2.5, -4] }),
  ),
  inside(
    'categorical',
    'gives one of the choices of a categorical parameter',
    refused,
    one({ type: 'categorical', choices: ['sgd', 'adam', 'rmsprop'] }),
  ),
  inside(
    'constant',
    'gives constants with every suggestion',
    'train gets what was suggested, constants among it; one that is missing fails the experiment',
    {
      x: { type: 'double', low: 0, high: 1, step: 0.01 },
      fixed: { type: 'constant', value: [1, 'two', null] },
    },
  ),
  inside(
    'kinds',
    'tells 1, true, "1", null and "null" apart',
    'a choice that changes its type on the way is another choice, and conditions on it come out wrong',
    {
      kind: { type: 'categorical', choices: kinds },
      one: { type: 'integer', low: 0, high: 3, when: { parameter: 'kind', in: [1] } },
      text: { type: 'integer', low: 0, high: 3, when: { parameter: 'kind', in: ['1', 'null'] } },
      none: { type: 'integer', low: 0, high: 3, when: { parameter: 'kind', in: [null, false] } },
    },
    36,
  ),
  inside(
    'conditions',
    'leaves out what a chain of conditions makes inactive, and gives what it makes active',
    'a parameter is there only where its `when` holds, and its parent is there itself; anything else fails the experiment',
    {
      model: { type: 'categorical', choices: ['tree', 'net'] },
      solver: { type: 'categorical', choices: ['sgd', 'adam'], when: { parameter: 'model', in: ['net'] } },
      momentum: { type: 'double', low: 0, high: 0.9, step: 0.1, when: { parameter: 'solver', in: ['sgd'] } },
      depth: { type: 'integer', low: 1, high: 9, when: { parameter: 'model', in: ['tree'] } },
    },
    24,
  ),
  inside(
    'constraints',
    'keeps constraints: sums and products of numbers within bounds',
    'a point that breaks a constraint is refused like one outside of the space',
    {
      batch: { type: 'integer', low: 1, high: 64, where: [{ product: { batch: 1, width: 1 }, atMost: 256 }] },
      width: { type: 'integer', low: 1, high: 64 },
      low: { type: 'double', low: 0, high: 1, step: 0.05, where: [{ sum: { low: 1, high: -1 }, atMost: 0 }] },
      high: { type: 'double', low: 0, high: 1, step: 0.05 },
    },
    24,
  ),
  inside(
    'inactive-constraints',
    'does not mind constraints of which a parameter is not active',
    'a constraint holds only where all parameters that it names are there',
    {
      kind: { type: 'categorical', choices: ['a', 'b'] },
      x: { type: 'integer', low: 1, high: 20, where: [{ sum: { x: 1, y: 1 }, atMost: 12 }] },
      y: { type: 'integer', low: 1, high: 20, when: { parameter: 'kind', in: ['b'] } },
    },
    24,
  ),
  inside(
    'finite',
    'gives finite numbers, however wide the bounds are',
    'what is not finite cannot be said in the log, nor in JSON',
    {
      huge: { type: 'double', low: -1e300, high: 1e300 },
      tiny: { type: 'double', low: 1e-300, high: 1e300, log: true },
      whole: { type: 'integer', low: 0, high: 2 ** 52 },
    },
  ),
  inside('single', 'takes parameters that have one value only', 'a user fixes a parameter by closing its bounds', {
    x: { type: 'double', low: 0.5, high: 0.5 },
    n: { type: 'integer', low: 3, high: 3 },
    kind: { type: 'categorical', choices: ['only'] },
    y: { type: 'integer', low: 0, high: 9 },
  }),
  inside(
    'names',
    'takes names that mean something in some language',
    'names are the user’s, and begin with any letter or _',
    oddSpace(),
  ),
  {
    name: 'values.log-law',
    says: 'searches the small values of a log scale as much as the large',
    why: 'a learning rate from 1e-8 to 1 that is drawn evenly is above 0.01 in 99 of 100 trials',
    async run(peer) {
      const at = await peer.opened({ space: one({ type: 'double', low: 1e-8, high: 1, log: true }) })
      const { suggestions } = await peer.suggest(at, 0, 24)
      const least = Math.min(...suggestions.map(({ hparams }) => Number(hparams['p'])))
      requires(suggestions.length < 24 || least < 1e-4, () => {
        return `of 24 points from 1e-8 to 1 with log none is below 1e-4; the least is ${least}`
      })
      return undefined
    },
  },
  {
    name: 'values.many',
    says: 'takes a space of 5,000 parameters',
    why: 'such spaces come out of programs; the answer is due within a minute like any other',
    async run(peer) {
      const before = performance.now()
      await peer.searchInside(wideSpace(5000), 2)
      return `${Math.round(performance.now() - before)} ms for two trials`
    },
  },
]

function oddSpace(): SearchSpace {
  return Object.fromEntries(oddNames.map((name, index) => [name, { type: 'integer', low: 0, high: index + 1 }]))
}

function wideSpace(size: number): SearchSpace {
  const kinds: readonly Parameter[] = [
    { type: 'double', low: 0, high: 1 },
    { type: 'double', low: 1e-4, high: 1, log: true },
    { type: 'integer', low: 0, high: 9 },
    { type: 'categorical', choices: ['a', 'b', 'c'] },
  ]
  return Object.fromEntries(
    Array.from({ length: size }, (_, index) => [`p${index}`, kinds[index % kinds.length] as Parameter]),
  )
}
