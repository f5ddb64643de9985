/** Compiles the kernels of rings: `npm run generate` writes them as a module, and a test holds that module to its source. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { packageRoot } from '../../src/actor/index.ts'

const source = 'src/ring/assembly/kernels.ts'
export const kernelsFile = 'src/ring/kernels.wasm.ts'
// As a program: the types of its library change those of ours.
const compiler = 'node_modules/assemblyscript/bin/asc.js'
const flags = [
  '--optimizeLevel 3 --runtime stub --enable simd --enable threads --enable bulk-memory',
  // The memory is the ring's (workspace.ts), and shared with the thread that trains.
  '--importMemory --noExportMemory --sharedMemory --initialMemory 1 --maximumMemory 65536',
].flatMap((line) => line.split(' '))

/** The text of the module. Throws with the compiler's own words. */
export async function compileKernels(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'maggy-kernels-'))
  try {
    const outFile = join(folder, 'kernels.wasm')
    await promisify(execFile)(process.execPath, [compiler, source, '--outFile', outFile, ...flags], {
      cwd: packageRoot(),
    })
    const lines = (await readFile(outFile)).toString('base64').match(/.{1,110}/g) ?? []
    return [
      `/** Made from ${source} by \`npm run generate\`. */`,
      'const text =',
      ...lines.map((line, at) => `  '${line}'${at < lines.length - 1 ? ' +' : ''}`),
      '',
      '/** A WebAssembly module. */',
      "export const kernelModule: Uint8Array = Buffer.from(text, 'base64')",
      '',
    ].join('\n')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeFile(join(packageRoot(), kernelsFile), await compileKernels())
}
