/** `maggy notebook`: writes a notebook to begin with, and says which kernels there are for it. */
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { problem } from '../../protocol/index.ts'
import { exitCodes } from '../actor/index.ts'
import { starter } from '../notebook/index.ts'

export interface NotebookCommandOptions {
  readonly kernel?: 'tslab' | 'deno'
}

const installs = {
  tslab: '`npm install -g tslab`, then `tslab install`',
  deno: '`npm install -g deno`, then `deno jupyter --install`',
} as const

const kernels = ['tslab', 'deno'] as const

/** Rejects with NOTEBOOK_INVALID where there is such a file, or none can be. */
export async function notebookCommand(path: string, options: NotebookCommandOptions): Promise<number> {
  if (!path.endsWith('.ipynb'))
    throw problem('NOTEBOOK_INVALID', { path, reason: 'is no name of a notebook: end it in .ipynb' })
  const found = kernels.filter(isInstalled)
  const kernel = options.kernel ?? found[0] ?? 'tslab'
  try {
    await writeFile(path, starter(kernel), { flag: 'wx' })
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    const reason = code === 'EEXIST' ? 'is there already: name another file' : `cannot be written: ${message}`
    throw problem('NOTEBOOK_INVALID', { path, reason }, { cause: error })
  }
  const lines = [`wrote ${path}, for the kernel ${kernel}`]
  for (const name of kernels)
    lines.push(
      found.includes(name)
        ? `kernel ${name}: installed`
        : `kernel ${name}: not found; install it with ${installs[name]}`,
    )
  if (kernel === 'deno' && !existsSync(join(dirname(path), 'package.json')))
    lines.push('there is no package.json beside it, and without one Deno finds no packages: `npm init -y`')
  lines.push(`without a kernel: \`maggy run ${path} tune\``)
  process.stdout.write(`${lines.join('\n')}\n`)
  return exitCodes.done
}

/** Where Jupyter looks for kernels. */
function isInstalled(name: string): boolean {
  const { JUPYTER_PATH = '', JUPYTER_DATA_DIR, XDG_DATA_HOME } = process.env
  const folders = [
    ...JUPYTER_PATH.split(delimiter).filter(Boolean),
    JUPYTER_DATA_DIR ?? join(XDG_DATA_HOME ?? join(homedir(), '.local', 'share'), 'jupyter'),
    join(homedir(), 'Library', 'Jupyter'),
    '/usr/local/share/jupyter',
    '/usr/share/jupyter',
  ]
  return folders.some((folder) => existsSync(join(folder, 'kernels', name, 'kernel.json')))
}
