/**
 * Tries on a running server what each role may do and what not, with credentials made for it that end within the hour. What is said is
 * such that nobody takes it for anything, and nothing is changed or kept (`probe` in src/bus/nats-client.ts).
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { roles, type Role } from '../../protocol/index.ts'
import { accessTo, type Access, type AccessOptions } from '../access/index.ts'
import { probe } from '../bus/index.ts'
import { actions, subjectOf } from './actions.ts'
import type { Authority } from './authority.ts'

export interface Finding {
  readonly role: Role
  readonly action: string
  readonly kind: 'publish' | 'subscribe'
  readonly subject: string
  readonly mayBe: boolean
  readonly isAllowed: boolean
}

const hour = 1 / 24

/** Every role with every action. */
export async function checkServer(
  authority: Authority,
  tenant: string,
  access: AccessOptions & { readonly server: string },
): Promise<Finding[]> {
  const folder = await mkdtemp(join(tmpdir(), 'maggy-check-'))
  const findings: Finding[] = []
  try {
    for (const role of roles) {
      const name = `check-${randomBytes(4).toString('hex')}`
      const file = join(folder, `${role}.creds`)
      const { text } = await authority.mint(role, name, { tenant, days: hour, serves: [name] })
      await writeFile(file, text, { mode: 0o600 })
      const { greeted: _, ...shown } = accessTo({ ...access, creds: file }, roles)
      findings.push(...(await tryAll(role, name, access.server, shown)))
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return findings
}

async function tryAll(role: Role, name: string, server: string, access: Access): Promise<Finding[]> {
  const asked = actions.map((action) => ({ ...action, subject: subjectOf(action, role, name) }))
  const refused = await probe({ server, name: 'maggy auth check', ...access }, asked)
  return asked.map(({ action, kind, subject, by }, index) => ({
    role,
    action,
    kind,
    subject,
    mayBe: by.includes(role),
    isAllowed: !refused.has(index),
  }))
}
