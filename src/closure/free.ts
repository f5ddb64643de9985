/**
 * The free names of a piece of JavaScript: those it uses and does not declare, each place of them, and whether it assigns to them. Pure.
 * The scopes are those of ECMAScript: `var` and functions belong to the function around them, `let`, `const` and `class` to the block.
 */
import type { Node } from 'acorn'

/** A place at which a free name stands, by its offsets in the text. */
export interface Reference {
  readonly name: string
  readonly start: number
  readonly end: number
  /** `{ name }`: a property of this name, too. */
  readonly isShorthand: boolean
  /** Of `name.member`: what it asks for. `start` and `end` are those of the name alone. */
  readonly member?: { readonly name: string; readonly end: number }
  readonly isAssigned: boolean
}

export interface FreeNames {
  readonly references: readonly Reference[]
  /** It uses the `this` or the `arguments` of the function around it, which only arrow functions do. */
  readonly usesThis: boolean
  readonly usesSuper: boolean
  /** It calls `eval` itself, which sees every name around it. */
  readonly usesEval: boolean
}

/** Any node of the tree; what it holds depends on its type. */
export type Tree = Node & Record<string, unknown>

class Scope {
  readonly names = new Set<string>()
  readonly parent: Scope | undefined
  /** Of a function that has a `this` of its own. */
  readonly ownsThis: boolean
  /** Of a method, whose `super` is that of its class or object. */
  readonly ownsSuper: boolean

  constructor(parent: Scope | undefined, ownsThis = false, ownsSuper = false) {
    this.parent = parent
    this.ownsThis = ownsThis
    this.ownsSuper = ownsSuper
  }

  knows(name: string): boolean {
    return this.names.has(name) || this.parent?.knows(name) === true
  }

  get hasThis(): boolean {
    return this.ownsThis || this.parent?.hasThis === true
  }

  get hasSuper(): boolean {
    return this.ownsSuper || this.parent?.hasSuper === true
  }
}

const method = (scope: Scope): Scope => new Scope(scope, false, true)

export function freeNamesOf(tree: Tree): FreeNames {
  const walk = new Walk()
  walk.visit(tree, new Scope(undefined))
  const { references, usesThis, usesSuper, usesEval } = walk
  return { references, usesThis, usesSuper, usesEval }
}

const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'

const treesIn = (value: unknown): Tree[] => (Array.isArray(value) ? value.filter(isTree) : isTree(value) ? [value] : [])

class Walk {
  readonly references: Reference[] = []
  usesThis = false
  usesSuper = false
  usesEval = false

  visit(node: Tree, scope: Scope): void {
    switch (node.type) {
      case 'Identifier':
        return this.#refer(node, scope, false)
      case 'ThisExpression':
        if (!scope.hasThis) this.usesThis = true
        return
      case 'Super':
        if (!scope.hasSuper) this.usesSuper = true
        return
      case 'FunctionExpression':
      case 'FunctionDeclaration':
      case 'ArrowFunctionExpression':
        return this.#function(node, scope)
      case 'ClassExpression':
      case 'ClassDeclaration':
        return this.#class(node, scope)
      case 'BlockStatement':
      case 'Program':
        return this.#block(treesIn(node['body']), scope)
      case 'SwitchStatement': {
        this.#child(node['discriminant'], scope)
        const cases = treesIn(node['cases'])
        const inner = new Scope(scope)
        for (const each of cases) declareBlock(treesIn(each['consequent']), inner)
        for (const each of cases) this.#children(each, inner)
        return
      }
      case 'ForStatement':
      case 'ForInStatement':
      case 'ForOfStatement':
        return this.#loop(node, scope)
      case 'CatchClause': {
        const inner = new Scope(scope)
        for (const param of treesIn(node['param'])) this.#declare(param, inner)
        return this.#child(node['body'], inner)
      }
      case 'VariableDeclarator':
        this.#pattern(node['id'], scope)
        return this.#child(node['init'], scope)
      case 'AssignmentExpression':
        this.#target(node['left'], scope)
        return this.#child(node['right'], scope)
      case 'UpdateExpression':
        return this.#target(node['argument'], scope)
      case 'MemberExpression':
        return this.#member(node, scope, false)
      case 'Property':
        if (node['computed'] === true) this.#child(node['key'], scope)
        if (node['shorthand'] === true && isTree(node['value']) && node['value'].type === 'Identifier')
          return this.#refer(node['value'], scope, false, true)
        return this.#child(node['value'], node['method'] === true || node['kind'] !== 'init' ? method(scope) : scope)
      case 'LabeledStatement':
        return this.#child(node['body'], scope)
      case 'BreakStatement':
      case 'ContinueStatement':
      case 'MetaProperty':
        return
      case 'CallExpression': {
        const { callee } = node as { callee?: unknown }
        if (isTree(callee) && callee.type === 'Identifier' && callee['name'] === 'eval' && !scope.knows('eval'))
          this.usesEval = true
        return this.#children(node, scope)
      }
      default:
        return this.#children(node, scope)
    }
  }

  #child(value: unknown, scope: Scope): void {
    for (const tree of treesIn(value)) this.visit(tree, scope)
  }

  #children(node: Tree, scope: Scope): void {
    for (const value of Object.values(node)) this.#child(value, scope)
  }

  #member(node: Tree, scope: Scope, isAssigned: boolean): void {
    const object = node['object'] as Tree
    const property = node['property'] as Tree
    if (node['computed'] === true) this.#child(property, scope)
    if (object.type !== 'Identifier' || node['computed'] === true) return this.visit(object, scope)
    this.#refer(object, scope, isAssigned, false, { name: property['name'] as string, end: node.end })
  }

  #refer(node: Tree, scope: Scope, isAssigned: boolean, isShorthand = false, member?: Reference['member']): void {
    const name = node['name'] as string
    if (scope.knows(name)) return
    if (name === 'arguments' && !scope.hasThis) {
      this.usesThis = true
      return
    }
    const { start, end } = node
    this.references.push({ name, start, end, isShorthand, isAssigned, ...(member === undefined ? {} : { member }) })
  }

  #block(statements: readonly Tree[], scope: Scope): void {
    const inner = new Scope(scope)
    declareBlock(statements, inner)
    for (const statement of statements) this.visit(statement, inner)
  }

  #function(node: Tree, scope: Scope): void {
    const isArrow = node.type === 'ArrowFunctionExpression'
    const outer = new Scope(scope, !isArrow)
    if (!isArrow) outer.names.add('arguments')
    if (node.type === 'FunctionExpression' && isTree(node['id'])) outer.names.add(node['id']['name'] as string)
    const params = new Scope(outer)
    for (const param of treesIn(node['params'])) for (const name of namesIn(param)) params.names.add(name)
    for (const param of treesIn(node['params'])) this.#pattern(param, params)
    const { body } = node as { body?: unknown }
    if (!isTree(body)) return
    if (body.type !== 'BlockStatement') return this.visit(body, params)
    const inner = new Scope(params)
    for (const name of varsIn(body)) inner.names.add(name)
    this.#block(treesIn(body['body']), inner)
  }

  #class(node: Tree, scope: Scope): void {
    const inner = new Scope(scope)
    if (isTree(node['id'])) inner.names.add(node['id']['name'] as string)
    this.#child(node['superClass'], inner)
    for (const member of treesIn((node['body'] as Tree)['body'])) {
      if (member['computed'] === true) this.#child(member['key'], inner)
      // What initializes a field, and a static block, has a `this` of its own.
      const own = new Scope(inner, true, true)
      own.names.add('arguments')
      if (member.type === 'StaticBlock') {
        for (const name of varsIn(member)) own.names.add(name)
        this.#block(treesIn(member['body']), own)
      } else this.#child(member['value'], own)
    }
  }

  #loop(node: Tree, scope: Scope): void {
    const inner = new Scope(scope)
    const head = node.type === 'ForStatement' ? node['init'] : node['left']
    if (isTree(head) && head.type === 'VariableDeclaration') {
      declareBlock([head], inner)
      this.visit(head, inner)
    } else if (node.type === 'ForStatement') this.#child(head, inner)
    else this.#target(head, inner)
    for (const part of ['test', 'update', 'right', 'body']) this.#child(node[part], inner)
  }

  #declare(pattern: Tree, scope: Scope): void {
    for (const name of namesIn(pattern)) scope.names.add(name)
    this.#pattern(pattern, scope)
  }

  /** A pattern that declares: only its defaults and computed keys refer to anything. */
  #pattern(value: unknown, scope: Scope): void {
    this.#parts(value, scope, () => {})
  }

  /** A pattern that is assigned to. */
  #target(value: unknown, scope: Scope): void {
    this.#parts(value, scope, (leaf, isShorthand) => {
      if (leaf.type === 'Identifier') this.#refer(leaf, scope, true, isShorthand)
      else if (leaf.type === 'MemberExpression') this.#member(leaf, scope, true)
      else this.visit(leaf, scope)
    })
  }

  #parts(value: unknown, scope: Scope, leaf: (node: Tree, isShorthand: boolean) => void, isShorthand = false): void {
    for (const node of treesIn(value)) {
      if (node.type === 'ObjectPattern') this.#parts(node['properties'], scope, leaf)
      else if (node.type === 'ArrayPattern') this.#parts(node['elements'], scope, leaf)
      else if (node.type === 'RestElement') this.#parts(node['argument'], scope, leaf)
      else if (node.type === 'AssignmentPattern') {
        this.#parts(node['left'], scope, leaf, isShorthand)
        this.#child(node['right'], scope)
      } else if (node.type === 'Property') {
        if (node['computed'] === true) this.#child(node['key'], scope)
        this.#parts(node['value'], scope, leaf, node['shorthand'] === true)
      } else leaf(node, isShorthand)
    }
  }
}

/** What `let`, `const`, `class` and functions declare in a block. */
function declareBlock(statements: readonly Tree[], scope: Scope): void {
  for (const statement of statements) {
    const { type } = statement
    if (type === 'FunctionDeclaration' || type === 'ClassDeclaration') {
      for (const id of treesIn(statement['id'])) scope.names.add(id['name'] as string)
    } else if (type === 'VariableDeclaration') {
      for (const each of treesIn(statement['declarations']))
        for (const id of treesIn(each['id'])) for (const name of namesIn(id)) scope.names.add(name)
    }
  }
}

/** What `var` declares anywhere within, functions excepted. */
function varsIn(node: Tree): string[] {
  const names: string[] = []
  const look = (tree: Tree): void => {
    if (/^(Function|ArrowFunction|Class)/.test(tree.type)) return
    if (tree.type === 'VariableDeclaration' && tree['kind'] === 'var') {
      for (const each of treesIn(tree['declarations'])) for (const id of treesIn(each['id'])) names.push(...namesIn(id))
    }
    for (const value of Object.values(tree)) for (const child of treesIn(value)) look(child)
  }
  for (const child of treesIn(node['body'])) look(child)
  return names
}

/** The names that a pattern binds. */
export function namesIn(pattern: Tree): string[] {
  switch (pattern.type) {
    case 'Identifier':
      return [pattern['name'] as string]
    case 'ObjectPattern':
      return treesIn(pattern['properties']).flatMap(namesIn)
    case 'ArrayPattern':
      return treesIn(pattern['elements']).flatMap(namesIn)
    case 'Property':
      return treesIn(pattern['value']).flatMap(namesIn)
    case 'AssignmentPattern':
      return treesIn(pattern['left']).flatMap(namesIn)
    case 'RestElement':
      return treesIn(pattern['argument']).flatMap(namesIn)
    default:
      return []
  }
}
