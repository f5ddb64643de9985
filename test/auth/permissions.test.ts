/** Who may do what, as it is made from the conversations: what no role may ever have. */
import { describe, expect, test } from 'vitest'
import { allPermissions, permissionsOf, roles } from '../../protocol/index.ts'
import { subjectMatches } from '../../src/bus/index.ts'

const everything = [...allPermissions()].flatMap(([role, { publish, subscribe }]) =>
  [...publish, ...subscribe].map((subject) => ({ role, subject })),
)

describe('permissions', () => {
  test('name every role, and are written out', () => {
    expect([...allPermissions().keys()]).toEqual([...roles])
    expect(permissionsOf('runner').publish).toContain('maggy.v1.worker.{name}.metrics.*.*')
    expect(permissionsOf('worker').publish).toContain('maggy.v1.worker.{name}.done.*')
    expect(permissionsOf('runner').publish).not.toContain('maggy.v1.worker.{name}.done.*')
  })

  test('let nobody hear or say everything, or all inboxes', () => {
    for (const { subject } of everything) {
      expect(subject).not.toMatch(/^[>*]/)
      expect(subject).not.toMatch(/^_INBOX\.[>*]\.?>?$/)
      expect(subject).not.toMatch(/^\$JS\.(>|API\.>)/)
    }
    for (const role of roles) {
      const inboxes = permissionsOf(role).subscribe.filter((subject) => subject.startsWith('_INBOX'))
      expect(inboxes).toEqual([`_INBOX.${role}.{name}.>`])
    }
  })

  test('leave consumers, and deleting of streams, to nobody, and making and purging to drivers', () => {
    for (const { role, subject } of everything) {
      expect(subject).not.toMatch(/CONSUMER|STREAM\.DELETE|MSG\.DELETE|SNAPSHOT|RESTORE/)
      if (/STREAM\.(CREATE|UPDATE|PURGE)/.test(subject)) expect(role).toBe('driver')
    }
  })

  test('give workers and runners nothing of JetStream and nothing of the store', () => {
    for (const role of ['worker', 'runner', 'optimizer', 'ablator'] as const) {
      for (const subject of permissionsOf(role).publish) expect(subject).not.toMatch(/^\$/)
    }
  })

  test('let nobody but drivers read a stream into which it can write', () => {
    const kept: Readonly<Record<string, readonly string[]>> = {
      MAGGY_LOG: ['maggy.v1.log.e'],
      MAGGY_TELEMETRY: ['maggy.v1.worker.{name}.metrics.e.0', 'maggy.v1.worker.{name}.output.e.0'],
      MAGGY_ARTIFACTS: ['maggy.v1.artifact.e.0.1.u'],
      'OBJ_maggy-bundles': ['$O.maggy-bundles.C.x', '$O.maggy-bundles.M.x'],
      'OBJ_maggy-checkpoints': ['$O.maggy-checkpoints.C.x', '$O.maggy-checkpoints.M.x'],
    }
    for (const role of roles.filter((one) => one !== 'driver')) {
      const { publish } = permissionsOf(role)
      for (const [stream, subjects] of Object.entries(kept)) {
        const writes = subjects.some((subject) => publish.some((pattern) => subjectMatches(pattern, subject)))
        const reads = publish.some((subject) => subject.includes(`DIRECT.GET.${stream}`))
        expect({ role, stream, both: writes && reads }).toEqual({ role, stream, both: false })
      }
    }
  })
})
