/** Writes the generated reference beside the definitions: `npm run generate`. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { referenceFiles } from './reference.ts'

let root = dirname(fileURLToPath(import.meta.url))
while (!existsSync(join(root, 'package.json'))) root = dirname(root)
const folder = join(root, 'protocol')
for (const generated of ['golden', 'schemas']) {
  rmSync(join(folder, generated), { recursive: true, force: true })
  mkdirSync(join(folder, generated), { recursive: true })
}
for (const [path, content] of referenceFiles()) writeFileSync(join(folder, path), content)
