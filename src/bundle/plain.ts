/**
 * A plain module in the place of a bundle: whoever has no bundler hands in the text of one ES module, in JavaScript or TypeScript, that
 * imports nothing but what comes from the worker (maggy, tfjs) and from Node. It is bundled here, once.
 */
import { readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, extname } from 'node:path'
import { isProblem, problem } from '../../protocol/index.ts'
import { bundleModule } from './bundle.ts'
import { createBundleCache } from './cache.ts'

/** Begins what a bundler of maggy's made, of whatever version. */
const anyBundleMark = '/* maggy bundle '
const endings = ['.ts', '.mts', '.js', '.mjs']
const made = new Map<string, Promise<string>>()

/**
 * The bundle made of the plain module in a file of the cache. `module`: its name, for messages, and for its language. Rejects with
 * BUNDLE_OUTDATED for a bundle of another version, and with MODULE_NOT_COMPILED.
 */
export function bundlePlain(file: string, module: string): Promise<string> {
  let bundle = made.get(file)
  if (bundle === undefined) made.set(file, (bundle = bundled(file, module)))
  return bundle
}

async function bundled(file: string, module: string): Promise<string> {
  const text = await readFile(file, 'utf8')
  if (text.startsWith(anyBundleMark)) throw problem('BUNDLE_OUTDATED', { module })
  const ending = extname(module)
  // Not its name: that comes from outside.
  const source = `${file}.source${endings.includes(ending) ? ending : '.mjs'}`
  const partial = `${source}.${process.pid}.partial`
  await writeFile(partial, text)
  await rename(partial, source)
  try {
    const { code, sha256 } = await bundleModule(source)
    return await createBundleCache({ folder: dirname(file) }).keep(code, sha256)
  } catch (error) {
    if (!isProblem(error, 'MODULE_NOT_COMPILED')) throw error
    throw problem('MODULE_NOT_COMPILED', { module, reason: String(error.details['reason']) }, { cause: error })
  }
}
