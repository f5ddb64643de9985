/** A mount namespace of our own: what is mounted there nobody else sees, and it goes with the last process in it. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'

const mark = 'MAGGY_CHAOS_MOUNTS'
const tried = ['-rm', 'sh', '-c', 'mount -t tmpfs -o size=1m none /mnt'] as const

/** Whether this process is in one. */
export const mayMount = (): boolean => process.env[mark] !== undefined

/** Runs this very command in one, and gives its exit code; undefined: it is in one already, or the host allows none. */
export async function withMounts(): Promise<number | undefined> {
  if (mayMount() || spawnSync('unshare', tried).status !== 0) return undefined
  const child = spawn('unshare', ['-rm', process.execPath, ...process.execArgv, ...process.argv.slice(1)], {
    stdio: 'inherit',
    env: { ...process.env, [mark]: '1' },
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}
