/**
 * The engine's own view of functions and objects, through an inspector's session on this very thread: what a function closes over,
 * where it stands, and private members. Nothing is paused and no port is opened.
 */
import { Session } from 'node:inspector'

/** The variables of one scope, as they are now; innermost scopes come first. */
export interface Scope {
  readonly kind: 'local' | 'script' | 'module'
  readonly variables: Readonly<Record<string, unknown>>
}

export interface Script {
  readonly id: string
  readonly url: string
}

export interface Place {
  readonly script: Script
  /** From 0. */
  readonly line: number
  readonly column: number
}

interface Remote {
  readonly objectId?: string
  readonly description?: string
  readonly value?: unknown
}

interface Property {
  readonly name: string
  readonly value?: Remote
}

interface Properties {
  readonly result: readonly Property[]
  readonly internalProperties?: readonly Property[]
  readonly privateProperties?: readonly Property[]
}

/** What is handed to the inspector, and by it, in this process. */
const hand = Symbol.for('maggy.inspected')
const table = globalThis as unknown as Record<symbol, unknown>
const expression = `globalThis[Symbol.for('maggy.inspected')]`

/** Of scripts that the engine has forgotten: cells are small. */
const mostBytes = 64 * 2 ** 20

/** Deno's inspector may be asked only when it is asked nothing else: from a turn of the event loop of its own. */
const isDeno = 'Deno' in globalThis

export class Inspector {
  readonly #session = new Session()
  readonly #scripts = new Map<string, Script>()
  readonly #sources = new Map<string, string>()

  static #kept: Promise<Inspector> | undefined

  /** One session for all who open it from now on. */
  static keepOpen(): void {
    Inspector.#kept ??= Inspector.#connected()
    Inspector.#kept.catch(() => {}) // told by whoever opens it
  }

  static async open(): Promise<Inspector> {
    return await (Inspector.#kept ?? Inspector.#connected())
  }

  static async #connected(): Promise<Inspector> {
    const inspector = new Inspector()
    await inspector.#turn()
    inspector.#session.connect()
    inspector.#session.on('Debugger.scriptParsed', ({ params: { scriptId, url } }) => {
      inspector.#scripts.set(scriptId, { id: scriptId, url })
    })
    // It tells of every script that there is; nothing is debugged.
    await inspector.#post('Debugger.enable', { maxScriptsCacheSize: mostBytes })
    return inspector
  }

  /** Unless it is kept open. */
  async close(): Promise<void> {
    Reflect.deleteProperty(table, hand)
    if (Inspector.#kept !== undefined) return
    await this.#post('Debugger.disable')
    await this.#turn()
    this.#session.disconnect()
  }

  /** In the order in which they were compiled. */
  get scripts(): readonly Script[] {
    return [...this.#scripts.values()]
  }

  async sourceOf({ id }: Script): Promise<string> {
    let source = this.#sources.get(id)
    if (source === undefined) {
      const answer = await this.#post<{ scriptSource: string }>('Debugger.getScriptSource', { scriptId: id })
      this.#sources.set(id, (source = answer.scriptSource))
    }
    return source
  }

  /** `place` undefined: it is native. */
  async look(fn: object): Promise<{ readonly place: Place | undefined; readonly scopes: readonly Scope[] }> {
    const { internalProperties = [] } = await this.#properties(await this.#idOf(fn))
    const named = (name: string) => internalProperties.find((one) => one.name === name)?.value
    const location = named('[[FunctionLocation]]')?.value as
      { scriptId: string; lineNumber: number; columnNumber: number } | undefined
    const list = named('[[Scopes]]')?.objectId
    const scopes: Scope[] = []
    for (const { value } of list === undefined ? [] : (await this.#properties(list)).result) {
      const kind = kindOf(value?.description ?? '')
      if (kind === undefined || value?.objectId === undefined) continue
      scopes.push({ kind, variables: await this.#variables(value.objectId) })
    }
    const place =
      location === undefined
        ? undefined
        : {
            script: this.#scripts.get(location.scriptId) ?? { id: location.scriptId, url: '' },
            line: location.lineNumber,
            column: location.columnNumber,
          }
    return { place, scopes }
  }

  /** The names of an object's private members. */
  async privateNames(object: object): Promise<readonly string[]> {
    const { privateProperties = [] } = await this.#properties(await this.#idOf(object))
    return privateProperties.map(({ name }) => name)
  }

  async #idOf(object: object): Promise<string> {
    table[hand] = object
    const { result } = await this.#post<{ result: Remote }>('Runtime.evaluate', { expression })
    return result.objectId ?? ''
  }

  async #properties(objectId: string): Promise<Properties> {
    return await this.#post<Properties>('Runtime.getProperties', { objectId, ownProperties: true })
  }

  /** To the inspector a scope is an object, which stands in another one beside its description. */
  async #variables(objectId: string): Promise<Record<string, unknown>> {
    const taken: { readonly object: object }[] = []
    table[hand] = taken
    const functionDeclaration = `function () { ${expression}.push(this) }`
    await this.#post('Runtime.callFunctionOn', { objectId, functionDeclaration })
    const [scope] = taken
    return valuesOf(scope?.object ?? {})
  }

  async #post<T = unknown>(method: string, params: object = {}): Promise<T> {
    await this.#turn()
    return await new Promise<T>((resolve, reject) => {
      this.#session.post(method, params, (error, answer) => {
        if (error === null) resolve(answer as T)
        else reject(Object.assign(new Error(`${method}: ${error.message}`), { cause: error }))
      })
    })
  }

  async #turn(): Promise<void> {
    if (isDeno) await new Promise((resolve) => setTimeout(resolve, 0))
  }
}

/**
 * From now on no script of this process is missed. The engine forgets a cell once nothing in it can run any more, and with it which names
 * it imported; a session that is open keeps its text.
 */
export const keepScripts = (): void => Inspector.keepOpen()

/** A variable that its declaration has not reached yet is left out: to ask for it throws. */
function valuesOf(scope: object): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const name of Object.keys(scope)) {
    try {
      values[name] = Reflect.get(scope, name) as unknown
    } catch (error) {
      if (!(error instanceof ReferenceError)) throw error
    }
  }
  return values
}

function kindOf(description: string): Scope['kind'] | undefined {
  if (description.startsWith('Global')) return undefined
  if (description.startsWith('Script')) return 'script'
  return description.startsWith('Module') ? 'module' : 'local'
}
