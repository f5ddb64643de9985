/** What was captured, as a graph: values that refer to each other and to variables, in the order in which they were met. Types only. */
import type { FunctionSource } from './source.ts'
import type { Import } from './imports.ts'
import type { Place } from './inspector.ts'

/** What stands for a value: a text that needs nothing else, or one of the graph's values. */
export type Value = { readonly text: string } | { readonly node: GraphNode }

/** A variable that functions share. */
export interface Variable {
  /** As the user wrote it. */
  readonly name: string
  value: Value
  isAssigned: boolean
  /** Set where it is an import of the module. */
  readonly imported?: Import & { readonly folder: string }
}

/** What of a function's text stands for a variable. */
export interface Binding {
  readonly start: number
  readonly end: number
  readonly isShorthand: boolean
  readonly variable: Variable
}

/** A property that is set once all is made. */
export interface Member {
  readonly key: Value
  readonly value: Value
  /** undefined: as an assignment makes it. */
  readonly flags?: { readonly writable: boolean; readonly enumerable: boolean; readonly configurable: boolean }
  readonly accessor?: { readonly get: Value; readonly set: Value }
}

export type Hardness = 'frozen' | 'sealed' | 'fixed'

interface Common {
  /** For messages and names. */
  readonly name: string
  /** What `Object.freeze`, `seal` or `preventExtensions` made of it. */
  hardness?: Hardness
  members: Member[]
  /** How often it is referred to: once, and it can stand where it is used. */
  uses: number
}

export interface FunctionNode extends Common {
  readonly kind: 'function'
  readonly source: FunctionSource
  readonly bindings: Binding[]
  readonly place: Place | undefined
  /** Set on its `prototype` afterwards. */
  prototypeMembers: Member[]
}

export interface ObjectNode extends Common {
  readonly kind: 'object'
  /** array: `[]`; plain: `{}`; other: an expression makes it. */
  readonly shape: 'array' | 'plain' | 'other'
  /** For `other`. */
  readonly make?: string
  /** What it inherits from, or the class that it is an instance of. */
  inherits?: { readonly from: Value; readonly isClass: boolean }
  /** What is called afterwards: of maps and sets. */
  readonly entries: (readonly Value[])[]
  readonly adds?: 'set' | 'add'
  /** Of an array. */
  readonly length?: number
}

export type GraphNode = FunctionNode | ObjectNode
