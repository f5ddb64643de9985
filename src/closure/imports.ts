/**
 * Which names of a script are imports, by its text: an ES module's own, what TypeScript makes of them in CommonJS (tslab's cells), and
 * what Deno makes of them in a cell. Pure.
 */
import { parse } from 'acorn'
import { namesIn, type Tree } from './free.ts'

export interface Import {
  readonly specifier: string
  /** esm: as an import statement binds it. Else what `require` gives, taken as TypeScript's helper of that name takes it. */
  readonly how: 'esm' | 'require' | 'star' | 'default'
  /** The members that lead from the module to the value; empty: the module itself. */
  readonly path: readonly string[]
}

export interface ScriptNames {
  /** The script's own variables. */
  readonly locals: ReadonlyMap<string, Import>
  /** What it puts on `exports`, where tslab keeps the variables of all cells; null: no import. */
  readonly exported: ReadonlyMap<string, Import | null>
  /** All that it declares at its top. */
  readonly declared: ReadonlySet<string>
}

export function namesOf(source: string): ScriptNames {
  const names = new Names()
  for (const statement of statementsOf(source)) names.take(statement)
  return names
}

/** tslab's and Node's own wrapper around a cell or a module is no part of it. */
function statementsOf(source: string): Tree[] {
  for (const sourceType of ['module', 'script'] as const) {
    try {
      const tree = parse(source, {
        ecmaVersion: 'latest',
        sourceType,
        allowAwaitOutsideFunction: true,
        allowReturnOutsideFunction: true,
        allowHashBang: true,
      })
      const body = tree.body as unknown as Tree[]
      const [first, ...rest] = body
      const wrapper = rest.length === 0 && first !== undefined ? wrapperIn(first) : undefined
      return wrapper ?? body
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
    }
  }
  return []
}

function wrapperIn(statement: Tree): Tree[] | undefined {
  const call = statement['expression'] as Tree | undefined
  const callee = call?.type === 'CallExpression' ? (call['callee'] as Tree) : call
  if (callee?.type !== 'FunctionExpression') return undefined
  const [first] = callee['params'] as Tree[]
  return first?.['name'] === 'exports' ? ((callee['body'] as Tree)['body'] as Tree[]) : undefined
}

const helpers: Readonly<Record<string, Import['how']>> = { __importStar: 'star', __importDefault: 'default' }

class Names implements ScriptNames {
  readonly locals = new Map<string, Import>()
  readonly exported = new Map<string, Import | null>()
  readonly declared = new Set<string>()

  take(statement: Tree): void {
    if (statement.type === 'ImportDeclaration') this.#importStatement(statement)
    else if (statement.type === 'VariableDeclaration') {
      for (const each of statement['declarations'] as Tree[]) this.#variable(each['id'] as Tree, each['init'])
    } else if (statement.type === 'FunctionDeclaration' || statement.type === 'ClassDeclaration')
      this.declared.add((statement['id'] as Tree)['name'] as string)
    else if (statement.type === 'ExpressionStatement') this.#expression(statement['expression'] as Tree)
    else if (statement.type.startsWith('Export') && isTree(statement['declaration']))
      this.take(statement['declaration'])
  }

  #importStatement(statement: Tree): void {
    const specifier = (statement['source'] as Tree)['value'] as string
    for (const one of statement['specifiers'] as Tree[]) {
      const name = (one['local'] as Tree)['name'] as string
      const imported = one['imported'] as Tree | undefined
      const member =
        one.type === 'ImportDefaultSpecifier' ? 'default' : ((imported?.['name'] ?? imported?.['value']) as string)
      this.declared.add(name)
      this.locals.set(name, {
        specifier,
        how: 'esm',
        path: one.type === 'ImportNamespaceSpecifier' ? [] : [member],
      })
    }
  }

  #variable(id: Tree, init: unknown): void {
    for (const name of namesIn(id)) {
      this.declared.add(name)
      this.locals.delete(name)
    }
    const found = this.#importIn(init)
    if (found === undefined) return
    if (id.type === 'Identifier') this.locals.set(id['name'] as string, found)
    if (id.type !== 'ObjectPattern') return
    for (const property of id['properties'] as Tree[]) {
      const [key, value] = [property['key'] as Tree | undefined, property['value'] as Tree | undefined]
      if (property.type !== 'Property' || value?.type !== 'Identifier') continue
      const member = (key?.['name'] ?? key?.['value']) as string
      this.locals.set(value['name'] as string, { ...found, path: [...found.path, member] })
    }
  }

  /** `exports.name = value`, `name = value`, also several at once, and how TypeScript hands on a named import. */
  #expression(expression: Tree): void {
    if (expression.type === 'AssignmentExpression') {
      const targets: Tree[] = []
      let value = expression
      for (; value.type === 'AssignmentExpression'; value = value['right'] as Tree) targets.push(value['left'] as Tree)
      // `exports.a = exports.b = void 0` at the top says only that they will be there.
      if (value.type === 'UnaryExpression') return
      for (const target of targets) this.#assigned(target, value)
    }
    if (expression.type === 'UnaryExpression') return this.#expression(expression['argument'] as Tree)
    if (expression.type !== 'CallExpression') return
    const callee = expression['callee'] as Tree
    if (callee.type === 'ArrowFunctionExpression' && callee['async'] === true) return this.#awaited(callee)
    const [target, key, descriptor] = expression['arguments'] as Tree[]
    const properties = descriptor?.type === 'ObjectExpression' ? (descriptor['properties'] as Tree[]) : []
    const getter = properties.find((one) => isNamed(one['key'], 'get'))?.['value'] as Tree | undefined
    const [returned] = ((getter?.['body'] as Tree | undefined)?.['body'] as Tree[] | undefined) ?? []
    if (!isNamed(target, 'exports') || typeof key?.['value'] !== 'string' || returned === undefined) return
    this.exported.set(key['value'], this.#importIn(returned['argument']) ?? null)
  }

  #assigned(target: Tree, value: Tree): void {
    if (target.type === 'MemberExpression') {
      const name = isNamed(target['object'], 'exports') ? memberOf(target) : undefined
      if (name !== undefined) this.exported.set(name, this.#importIn(value) ?? null)
    } else if (target.type === 'Identifier' || target.type === 'ObjectPattern') this.#variable(target, value)
  }

  /** What Node's REPL makes of a line that awaits: `let name; (async () => { void ({ name } = await import('module')) })()`. */
  #awaited(wrapper: Tree): void {
    const body = wrapper['body'] as Tree
    if (body.type === 'BlockStatement') for (const statement of body['body'] as Tree[]) this.take(statement)
  }

  #importIn(value: unknown): Import | undefined {
    if (!isTree(value)) return undefined
    if (value.type === 'AwaitExpression' || value.type === 'ParenthesizedExpression')
      return this.#importIn(value['argument'] ?? value['expression'])
    if (value.type === 'ImportExpression') {
      const specifier = (value['source'] as Tree)['value']
      return typeof specifier === 'string' ? { specifier, how: 'esm', path: [] } : undefined
    }
    if (value.type === 'Identifier') return this.locals.get(value['name'] as string)
    if (value.type === 'MemberExpression') {
      const [of, member] = [this.#importIn(value['object']), memberOf(value)]
      return of === undefined || member === undefined ? undefined : { ...of, path: [...of.path, member] }
    }
    if (value.type !== 'CallExpression') return undefined
    const callee = value['callee'] as Tree
    const [first] = value['arguments'] as Tree[]
    // `import()`, as TypeScript makes it for CommonJS: `Promise.resolve().then(() => __importStar(require('name')))`.
    if (callee.type === 'MemberExpression' && memberOf(callee) === 'then' && isResolved(callee['object']))
      return first?.type === 'ArrowFunctionExpression' ? this.#importIn(first['body']) : undefined
    if (isNamed(callee, 'require') && typeof first?.['value'] === 'string')
      return { specifier: first['value'], how: 'require', path: [] }
    const how = callee.type === 'Identifier' ? helpers[callee['name'] as string] : undefined
    const inner = how === undefined ? undefined : this.#importIn(first)
    return how === undefined || inner === undefined ? undefined : { ...inner, how }
  }
}

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && 'type' in value

const isNamed = (value: unknown, name: string): boolean =>
  isTree(value) && value.type === 'Identifier' && value['name'] === name

const isResolved = (value: unknown): boolean =>
  isTree(value) &&
  value.type === 'CallExpression' &&
  isTree(value['callee']) &&
  value['callee'].type === 'MemberExpression' &&
  isNamed(value['callee']['object'], 'Promise') &&
  memberOf(value['callee']) === 'resolve'

function memberOf(tree: Tree): string | undefined {
  const property = tree['property'] as Tree
  if (tree['computed'] === true) return typeof property['value'] === 'string' ? property['value'] : undefined
  return property['name'] as string | undefined
}
