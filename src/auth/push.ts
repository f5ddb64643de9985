/** Words to a running server: what its accounts are now. By a user of the system account that lives for a minute. */
import { accessTo, type AccessOptions } from '../access/index.ts'
import { connectNats, type Bus } from '../bus/index.ts'
import { problem } from '../../protocol/index.ts'
import type { Authority } from './authority.ts'
import { newSystemUser } from './identities.ts'

const seconds = 60
const timeoutMs = 5_000

/** Tells the server of tenants as they stand in the authority's folder; those that are connected and revoked are put out at once. */
export async function pushAccounts(
  authority: Authority,
  tenants: readonly string[],
  access: AccessOptions & { readonly server: string },
): Promise<void> {
  const user = await newSystemUser(authority.systemAccount, seconds)
  const { tls } = accessTo(access, [])
  const bus: Bus = await connectNats({
    server: access.server,
    name: 'maggy auth',
    user: () => user,
    tls: tls ?? { ca: await authority.certificate() },
    watchdogMs: 0,
  })
  try {
    for (const tenant of tenants) await push(bus, tenant, await authority.account(tenant))
  } finally {
    await bus.close()
  }
}

async function push(bus: Bus, tenant: string, jwt: string): Promise<void> {
  const subject = '$SYS.REQ.CLAIMS.UPDATE'
  const reply = await bus.request(subject, new TextEncoder().encode(jwt), { timeoutMs })
  const { error } = JSON.parse(new TextDecoder().decode(reply)) as { error?: { description?: string } }
  if (error !== undefined)
    throw problem('BUS_REFUSED', {
      subject: `the account of tenant ${tenant}`,
      reason: error.description ?? 'no reason',
    })
}
