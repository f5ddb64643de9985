/**
 * The options of the built-in optimizers as JSON Schemas, for people who choose one (`maggy actors`). What an optimizer takes is decided
 * where it is made; a test holds the two together.
 */
type Schema = Readonly<Record<string, unknown>>

const number = (minimum: number, maximum?: number, fallback?: number): Schema => ({
  type: 'number',
  minimum,
  ...(maximum === undefined ? {} : { maximum }),
  ...(fallback === undefined ? {} : { default: fallback }),
})
const whole = (minimum: number, maximum?: number, fallback?: number): Schema => ({
  ...number(minimum, maximum, fallback),
  type: 'integer',
})
const above = (least: number, fallback?: number): Schema => ({
  type: 'number',
  exclusiveMinimum: least,
  ...(fallback === undefined ? {} : { default: fallback }),
})
const flag = (fallback: boolean): Schema => ({ type: 'boolean', default: fallback })
const word = (...words: readonly string[]): Schema => ({ enum: words, default: words[0] })
/** A sampler by its name, or { name, …options }. */
const sampler = (fallback?: string): Schema => ({
  type: ['string', 'object'],
  ...(fallback === undefined ? {} : { default: fallback }),
})
const options = (properties: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema => ({
  type: 'object',
  properties,
  ...(required.length === 0 ? {} : { required }),
  additionalProperties: false,
})

const halving = { reductionFactor: above(1, 3), minBudget: above(0, 1), maxBudget: above(0), iterations: whole(1) }

export const optionSchemas: ReadonlyMap<string, Schema> = new Map(
  Object.entries({
    auto: options({}),
    random: options({}),
    sobol: options({}),
    grid: options({ levels: { type: ['integer', 'object'] }, order: word('sequential', 'shuffled') }),
    tpe: options({
      warmup: whole(0, undefined, 10),
      randomFraction: number(0, 1, 0),
      gamma: number(0, 1, 0.15),
      leastGood: whole(1, undefined, 3),
      mostGood: whole(1, undefined, 25),
      candidates: whole(1, 10_000, 32),
      bandwidthFactor: number(0.01, 100, 0.6),
      priorWeight: number(0.001, 1000, 1),
      smoothing: number(0.001, 1000, 1),
      weights: word('improvement', 'equal'),
      constantLiar: flag(true),
      mostTries: whole(1, undefined, 4),
      multivariate: flag(true),
    }),
    gp: options({
      warmup: whole(0),
      acquisition: word('logEI', 'EI', 'PI', 'LCB', 'thompson'),
      kappa: number(0, undefined, 2),
      pending: word('believer', 'min', 'mean', 'max', 'ignore'),
      interim: flag(false),
      mostTries: whole(1, undefined, 10),
      mostData: whole(10, 1000, 150),
    }),
    cmaes: options({
      sigma: number(1e-6, 1, 0.25),
      population: whole(4, 10_000),
      restarts: word('ipop', 'bipop', 'none'),
      margin: flag(true),
    }),
    nsga2: options({
      population: whole(2, undefined, 50),
      crossover: number(0, 1),
      swap: number(0, 1),
      mutation: number(0, 1),
    }),
    motpe: options({ sampler: sampler('tpe') }),
    asha: options({
      reductionFactor: above(1, 2),
      minBudget: above(0, 1),
      maxBudget: above(0, 4),
      sampler: sampler('random'),
    }),
    hyperband: options({ ...halving, sampler: sampler('random') }, ['maxBudget']),
    bohb: options({ ...halving, sampler: sampler(), randomFraction: number(0, 1, 1 / 3) }, ['maxBudget']),
    pbt: options({
      population: whole(2, undefined, 10),
      interval: above(0, 1),
      maxBudget: above(0),
      quantile: number(0, 1, 0.25),
      factors: { type: 'array', items: above(0), default: [0.8, 1.2] },
      resample: number(0, 1, 0.25),
      sampler: sampler('random'),
    }),
  }),
)
