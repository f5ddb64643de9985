/**
 * A plain module in the place of a bundle: whoever has no bundler hands in the text of one ES module, in JavaScript or TypeScript, that
 * imports nothing but what comes from the worker (maggy, tfjs) and from Node. It is bundled here, out of memory.
 */
import { extname } from 'node:path'
import { isProblem, problem } from '../../protocol/index.ts'
import { bundleModule } from './bundle.ts'

/** Begins what a bundler of maggy's made, of whatever version. */
const anyBundleMark = '/* maggy bundle '
const endings = ['.ts', '.mts', '.js', '.mjs']

/**
 * The bundle made of a plain module's text, which came in `file`. `module`: its name, for messages, and for its language. Rejects with
 * BUNDLE_OUTDATED for a bundle of another version, and with MODULE_NOT_COMPILED.
 */
export async function bundlePlain(text: string, file: string, module: string): Promise<string> {
  if (text.startsWith(anyBundleMark)) throw problem('BUNDLE_OUTDATED', { module })
  const ending = extname(module)
  // Not its name: that comes from outside.
  const source = `${file}.source${endings.includes(ending) ? ending : '.mjs'}`
  try {
    const { code } = await bundleModule(source, { text })
    return Buffer.from(code).toString('utf8')
  } catch (error) {
    if (!isProblem(error, 'MODULE_NOT_COMPILED')) throw error
    throw problem('MODULE_NOT_COMPILED', { module, reason: String(error.details['reason']) }, { cause: error })
  }
}
