/**
 * Whose a data folder is, by what nats-server has written into it. A member of a cluster keeps the plan of the cluster's streams in
 * `jetstream/<system account>/_js_/_meta_`, from its first start on; a server alone has streams, and no plan.
 * I1 A member never starts on the streams of a server alone. No plan names them: nobody would see them, and where one has the name of a
 *    stream of the cluster, that member's copy would begin with the old entries, and differ from the others.
 * I2 A server alone never starts on the folder of a member. It would serve what that member happens to have, and take entries that
 *    the others never learn of; and streams that it makes there would look like the cluster's (I1).
 */
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { problem } from '../../protocol/index.ts'

/** @throws BUS_DATA_ALONE (I1), BUS_DATA_CLUSTERED (I2) */
export async function assertDataFits(data: string, clustered: boolean): Promise<void> {
  const store = join(data, 'jetstream')
  const accounts = await namesIn(store)
  const isMember = accounts.some((account) => existsSync(join(store, account, '_js_', '_meta_')))
  if (clustered === isMember) return
  if (isMember) throw problem('BUS_DATA_CLUSTERED', { directory: data })
  const streams = await Promise.all(accounts.map((account) => namesIn(join(store, account, 'streams'))))
  const kept = [...new Set(streams.flat())].toSorted()
  if (kept.length > 0) throw problem('BUS_DATA_ALONE', { directory: data, streams: kept.join(', ') })
}

/** Of a folder that is not there: none. */
async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
