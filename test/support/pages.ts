/** The programs on the protocol's pages, by the name that stands behind the language of each block. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packageRoot } from '../../src/actor/index.ts'

/** Names and texts of all programs in Python. */
export async function pagePrograms(): Promise<ReadonlyMap<string, string>> {
  const folder = join(packageRoot(), 'protocol', 'pages')
  const programs = new Map<string, string>()
  for (const page of await readdir(folder)) {
    const text = await readFile(join(folder, page), 'utf8')
    for (const [, name = '', program = ''] of text.matchAll(/```python (\S+)\n([\s\S]*?)```/g))
      programs.set(name, program)
  }
  return programs
}
