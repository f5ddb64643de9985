/**
 * What names mean: variables by the scope that they stand in, so that functions which share one find the same.
 * I1 Two closures are one scope when they come from one script, hold the same names with the same values, and so do the scopes around
 *    them. Where that may be wrong (the same function, made twice) and somebody assigns to the variable, it is refused.
 */
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Variable } from './graph.ts'
import { namesOf, type Import, type ScriptNames } from './imports.ts'
import type { Inspector, Place, Scope, Script } from './inspector.ts'
import { refusal } from './refusal.ts'
import { tslabVariables } from './tslab.ts'

type Cells = Readonly<Record<string, unknown>>

/** A variable, and its value where it has just been met. */
export interface Met {
  readonly variable: Variable
  readonly value: unknown
  readonly isNew: boolean
}

interface Closure {
  readonly id: string
  readonly parent: string
  readonly script: string
  readonly variables: Readonly<Record<string, unknown>>
  /** The functions that stand in it, by their places. */
  readonly functions: Map<string, Function>
  isAmbiguous: boolean
}

export class Names {
  readonly #inspector: Inspector
  readonly #variables = new Map<string, Variable>()
  readonly #closures: Closure[] = []
  readonly #scripts = new Map<string, ScriptNames>()

  constructor(inspector: Inspector) {
    this.#inspector = inspector
  }

  /** All variables. Throws CLOSURE_REFUSED (I1). */
  settled(): readonly Variable[] {
    for (const [key, variable] of this.#variables) {
      const [scope = ''] = key.split('/')
      const closure = this.#closures.find(({ id }) => id === scope)
      if (!variable.isAssigned || closure?.isAmbiguous !== true) continue
      const trail = {
        functions: [...closure.functions.values()].map(({ name }) => name || 'a function without a name'),
        value: variable.name,
      }
      const reason = 'it is assigned to, and functions made by several calls have one each, which cannot be told apart'
      throw refusal(trail, reason, 'keep the state in an object: `const state = { count: 0 }`')
    }
    return [...this.#variables.values()]
  }

  /** An identity for each of these scopes. */
  scopeIds(scopes: readonly Scope[], place: Place | undefined, fn: Function): readonly string[] {
    const ids: string[] = []
    let parent = ''
    const script = place?.script.id ?? ''
    for (const { kind, variables } of scopes.toReversed()) {
      parent =
        kind === 'local' ? this.#closure(parent, script, variables).id : `${kind}:${kind === 'module' ? script : ''}`
      ids.unshift(parent)
    }
    const innermost = this.#closures.find(({ id }) => id === ids[0])
    const at = `${place?.line}:${place?.column}`
    const other = innermost?.functions.get(at)
    if (innermost !== undefined && other !== undefined && other !== fn) innermost.isAmbiguous = true
    innermost?.functions.set(at, fn)
    return ids
  }

  #closure(parent: string, script: string, variables: Closure['variables']): Closure {
    const names = Object.keys(variables)
    let found = this.#closures.find(
      (one) =>
        one.parent === parent &&
        one.script === script &&
        names.length === Object.keys(one.variables).length &&
        names.every((name) => Object.hasOwn(one.variables, name) && Object.is(one.variables[name], variables[name])),
    )
    if (found === undefined) {
      const id = `closure:${this.#closures.length}`
      this.#closures.push((found = { id, parent, script, variables, functions: new Map(), isAmbiguous: false }))
    }
    return found
  }

  /** A variable of one of a function's scopes; undefined: it is one of Node's for every module. */
  async local(
    name: string,
    scopes: readonly Scope[],
    at: number,
    ids: readonly string[],
    place: Place | undefined,
  ): Promise<Met | undefined> {
    const scope = scopes[at] as Scope
    const value = scope.variables[name]
    const isOutermost = scopes.findLastIndex(({ kind }) => kind === 'local') === at
    const isTop = scope.kind !== 'local' || isOutermost
    if (isTop && typeof value === 'function' && name === 'require' && 'resolve' in value) return undefined
    if (isTop && ['module', '__filename', '__dirname'].includes(name) && 'exports' in scope.variables) return undefined
    let imported: { readonly import: Import; readonly folder: string } | undefined
    if (scope.kind === 'script') imported = await this.#declaredLast(name)
    else if (isTop && place !== undefined) {
      const found = (await this.#namesIn(place.script)).locals.get(name)
      imported = found === undefined ? undefined : { import: found, folder: folderOf(place.script) }
    }
    return this.#met(`${ids[at]}/${name}`, name, value, imported)
  }

  /** A variable that every script sees. */
  async global(name: string): Promise<Met> {
    return this.#met(`global/${name}`, name, Reflect.get(globalThis, name), await this.#declaredLast(name))
  }

  /** The variables of all cells, if this is what they are kept in. */
  cellsOf(name: string, value: unknown): Cells | undefined {
    const kept = tslabVariables()
    return name === 'exports' && kept !== undefined && value === kept ? kept : undefined
  }

  /** tslab leaves some names of other cells to be global ones. */
  cellsWith(name: string): Cells | undefined {
    const kept = tslabVariables()
    return kept !== undefined && Object.hasOwn(kept, name) ? kept : undefined
  }

  async cell(name: string, cells: Cells): Promise<Met> {
    let imported: { readonly import: Import; readonly folder: string } | undefined
    for (const script of this.#inspector.scripts.filter(isCell)) {
      const found = (await this.#namesIn(script)).exported.get(name)
      if (found !== undefined) imported = found === null ? undefined : { import: found, folder: folderOf(script) }
    }
    return this.#met(`cell/${name}`, name, cells[name], imported)
  }

  /** The import that this name stands for, if the last cell that declared it imports it. */
  async #declaredLast(name: string): Promise<{ readonly import: Import; readonly folder: string } | undefined> {
    let last: { readonly import: Import; readonly folder: string } | undefined
    for (const script of this.#inspector.scripts.filter(isCell)) {
      const { locals, declared } = await this.#namesIn(script)
      if (!declared.has(name)) continue
      const found = locals.get(name)
      last = found === undefined ? undefined : { import: found, folder: folderOf(script) }
    }
    return last
  }

  #met(
    key: string,
    name: string,
    value: unknown,
    imported: { readonly import: Import; readonly folder: string } | undefined,
  ): Met {
    const known = this.#variables.get(key)
    if (known !== undefined) return { variable: known, value, isNew: false }
    const variable: Variable = {
      name,
      value: { text: 'undefined' },
      isAssigned: false,
      ...(imported === undefined ? {} : { imported: { ...imported.import, folder: imported.folder } }),
    }
    this.#variables.set(key, variable)
    return { variable, value, isNew: true }
  }

  async #namesIn(script: Script): Promise<ScriptNames> {
    let names = this.#scripts.get(script.id)
    if (names === undefined) this.#scripts.set(script.id, (names = namesOf(await this.#inspector.sourceOf(script))))
    return names
  }
}

/** Cells have no address of their own. */
const isCell = ({ url }: Script): boolean => url === '' || url.startsWith('evalmachine.') || url.startsWith('REPL')

const folderOf = ({ url }: Script): string => {
  if (url.startsWith('file:')) return dirname(fileURLToPath(url))
  return url.startsWith('/') ? dirname(url) : process.cwd()
}
