/** What a trial can do to the host that it runs on. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { defineExperiment, optimization, space } from 'maggy'

const tries = (work: () => void): number => {
  try {
    work()
    return 1
  } catch {
    return 0
  }
}

const reaches = (port: number): Promise<number> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(1))
    socket.once('error', () => resolve(0))
  })

const status = (field: string): string =>
  new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? ''

export default defineExperiment(import.meta.url, {
  name: 'confined',
  hparams: { port: 0, parent: 0, marker: '', secret: '' },
  train: async ({ hparams }) => ({
    writesHome: tries(() => writeFileSync(join(homedir(), `.${hparams.marker}`), '')),
    writesTemporary: tries(() => writeFileSync(join('/tmp', hparams.marker), '')),
    seesSecret: existsSync(hparams.secret) && readdirSync(hparams.secret).length > 0 ? 1 : 0,
    seesWorker: tries(() => process.kill(hparams.parent, 0)),
    gainsPrivileges: status('NoNewPrivs') === '1' ? 0 : 1,
    capabilities: status('CapEff') === '0000000000000000' ? 0 : 1,
    reachesOthers: await reaches(hparams.port),
    startsProcesses: tries(() => execFileSync('true')),
  }),
  contexts: {
    look: optimization({
      space: { x: space.double(0, 1) },
      trials: 1,
      optimizer: 'random',
      objectives: [{ metric: 'startsProcesses', direction: 'maximize' }],
    }),
  },
})
