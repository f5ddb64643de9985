/** The modules that an emitted module imports, each once. Pure. */
import { isAbsolute, resolve } from 'node:path'
import { quoted } from './data.ts'
import type { Import } from './imports.ts'
import { refusal } from './refusal.ts'

export interface Use extends Pick<Import, 'specifier' | 'how'> {
  /** Where the module lies that imports it. */
  readonly folder: string
  /** For messages. */
  readonly name: string
}

const helpers = {
  star: `const maggy$star = (of) => {
  if (of?.__esModule) return of
  const made = {}
  for (const key in of) if (key !== 'default' && Object.hasOwn(of, key)) made[key] = of[key]
  return Object.assign(made, { default: of })
}`,
  default: `const maggy$default = (of) => (of?.__esModule ? of : { default: of })`,
}

export class Modules {
  readonly #folder: string
  readonly #statements = new Map<string, string>()
  readonly #helpers = new Set<string>()

  constructor(folder: string) {
    this.#folder = folder
  }

  /** The name under which the emitted module has it. Throws CLOSURE_REFUSED for what no bundler finds. */
  use({ specifier, how, folder, name }: Use): string {
    const from = this.#found(specifier, folder, name)
    const key = `${how} ${from}`
    const number = [...this.#statements.keys()].indexOf(key)
    const id = `maggy$m${(number < 0 ? this.#statements.size : number) + 1}`
    if (number >= 0) return id
    if (how === 'star' || how === 'default') this.#helpers.add(helpers[how])
    const required = `require(${quoted(from)})`
    this.#statements.set(
      key,
      how === 'esm'
        ? `import * as ${id} from ${quoted(from)}`
        : `const ${id} = ${how === 'require' ? required : `maggy$${how}(${required})`}`,
    )
    return id
  }

  statements(): string[] {
    return [...this.#helpers, ...this.#statements.values()]
  }

  #found(specifier: string, folder: string, name: string): string {
    const trail = { functions: [], value: name }
    if (specifier.startsWith('npm:')) {
      const [, bare = '', path = ''] = /^npm:\/?((?:@[^/]+\/)?[^@/]+)(?:@[^/]*)?(\/.*)?$/.exec(specifier) ?? []
      return `${bare}${path}`
    }
    if (/^(https?|jsr|data|blob):/.test(specifier)) {
      const remedy = 'install it with npm beside the notebook, and import it by its bare name'
      throw refusal(trail, `it is imported from ${specifier}, which cannot be bundled`, remedy)
    }
    // What notebooks add is of no use on a worker.
    if (specifier === 'maggy/notebook') return 'maggy'
    const isPath = /^\.{0,2}\//.test(specifier) || isAbsolute(specifier)
    return isPath && resolve(folder) !== resolve(this.#folder) ? resolve(folder, specifier) : specifier
  }
}
