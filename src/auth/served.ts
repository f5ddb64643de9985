/** The names that credentials of an optimizer or an ablator answer to: those of plug-ins, as experiments give them. */
import { problem, type Role } from '../../protocol/index.ts'
import { builtinAblators } from '../ablation/index.ts'
import { builtinSamplers } from '../samplers/index.ts'
import { builtinSchedulers } from '../schedulers/index.ts'

/** In a list of names: all that maggy's own actor of that role serves. */
const builtIns = 'built-in'

const builtInNames: Partial<Record<Role, readonly string[]>> = {
  optimizer: [...builtinSamplers.keys(), ...builtinSchedulers.keys()],
  ablator: [...builtinAblators.keys()],
}

/** As they stand in the authority's state; the server is given `expandServed` of these. Throws OPTION_INVALID. */
export function servedNames(role: Role, name: string, given: readonly string[] | undefined): readonly string[] {
  if (builtInNames[role] === undefined) return []
  for (const one of given ?? []) {
    if (/^[A-Za-z0-9_-]{1,100}$/.test(one)) continue
    const reason = `${JSON.stringify(one)} is no name; letters, digits, - and _ only, at most 100`
    throw problem('OPTION_INVALID', { option: '--serves', reason })
  }
  return given ?? [name, builtIns]
}

/** With the names of the built-ins, of this version. */
export function expandServed(role: Role, names: readonly string[]): readonly string[] {
  return [...new Set(names.flatMap((one) => (one === builtIns ? (builtInNames[role] ?? []) : [one])))]
}
