/** The sampler that another sampler, or a scheduler, is given as an option: a name, or { name, …options }. */
import { unfit } from './options.ts'
import type { SamplerPlugin } from './sampler.ts'

interface NamedSampler {
  readonly plugin: SamplerPlugin
  readonly options: Readonly<Record<string, unknown>>
}

/** Throws OPTIMIZER_UNFIT for a name that is not among `bases`. */
export function samplerNamed(
  optimizer: string,
  given: unknown,
  bases: ReadonlyMap<string, SamplerPlugin>,
): NamedSampler {
  const { name, ...options } =
    typeof given === 'object' && given !== null ? (given as { readonly name?: unknown }) : { name: given }
  const plugin = typeof name === 'string' ? bases.get(name) : undefined
  if (plugin !== undefined) return { plugin, options }
  throw unfit(optimizer, 'options.sampler', `is ${JSON.stringify(name)}; there are ${[...bases.keys()].join(', ')}`)
}
