/** `maggy notebook`: writes a notebook to begin with, and says which kernels there are for it. */
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
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

/** Rejects with NOTEBOOK_INVALID where there is such a file. */
export async function notebookCommand(path: string, options: NotebookCommandOptions): Promise<number> {
  const found = kernels.filter(isInstalled)
  const kernel = options.kernel ?? found[0] ?? 'tslab'
  try {
    await writeFile(path, starter(kernel), { flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw problem('NOTEBOOK_INVALID', { path, reason: 'is there already: name another file' })
  }
  const lines = [`wrote ${path}, for the kernel ${kernel}`]
  for (const name of kernels)
    lines.push(
      found.includes(name)
        ? `kernel ${name}: installed`
        : `kernel ${name}: not found; install it with ${installs[name]}`,
    )
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
