/** The README's programs and commands, by the name that stands behind the language of each block. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packageRoot } from '../../src/actor/index.ts'

export interface Readme {
  /** Names of the programs: `first.ts`. */
  readonly programs: readonly string[]
  /** The text of a block. Throws if there is none of that name. */
  block(name: string): string
}

export async function readReadme(): Promise<Readme> {
  const text = await readFile(join(packageRoot(), 'README.md'), 'utf8')
  const blocks = new Map<string, string>()
  for (const [, name = '', block = ''] of text.matchAll(/```(?:sh|ts) (\S+)\n([\s\S]*?)```/g)) blocks.set(name, block)
  return {
    programs: [...blocks.keys()].filter((name) => name.endsWith('.ts')),
    block(name) {
      const block = blocks.get(name)
      if (block === undefined) throw new Error(`the README has no block ${name}`)
      return block
    },
  }
}
