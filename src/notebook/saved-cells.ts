/**
 * Cells as they are written, for a kernel that keeps only what it made of them: they stand in the notebook's file, as it was saved last.
 */
import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { isProblem } from '../../protocol/index.ts'
import { codeCells } from './ipynb.ts'

const mostFiles = 32
const mostBytes = 8 * 2 ** 20

/** Of the notebook that Jupyter's server names, and of all that lie in the working folder, which is the notebook's own. */
export async function savedCells(): Promise<readonly string[]> {
  const named = process.env['JPY_SESSION_NAME'] ?? ''
  const folders = new Set([process.cwd(), ...(named === '' ? [] : [dirname(resolve(named))])])
  const paths: string[] = []
  for (const folder of folders) {
    const names = await readdir(folder).catch(() => []) // the server may name a folder that is not on this host
    paths.push(...names.filter((name) => name.endsWith('.ipynb')).map((name) => resolve(folder, name)))
  }
  const found: string[] = []
  for (const path of paths.slice(0, mostFiles)) found.push(...(await cellsOf(path)))
  return found
}

/** None, if it cannot be read: errors are told without their lines then. */
async function cellsOf(path: string): Promise<readonly string[]> {
  try {
    if ((await stat(path)).size > mostBytes) return []
    return codeCells(await readFile(path, 'utf8'), path)
  } catch (error) {
    if (isProblem(error) || (error as NodeJS.ErrnoException).code !== undefined) return []
    throw error
  }
}
