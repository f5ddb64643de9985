/**
 * TensorBoard's event files. What the real TensorBoard makes of them is checked by `check_tensorboard.py` beside this file
 * (needs `pip install tensorboard`); the golden file was accepted by it.
 */
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { crc32c, maskedCrc32c } from '../../src/store/crc32c.ts'
import { headerRecord, scalarRecord } from '../../src/store/event-file.ts'
import { trialRecords } from '../../src/store/files.ts'
import { resultOf, type KeptPoint } from '../../src/store/index.ts'
import { accepted, assigned, ended, suggested } from './events.ts'

const points: KeptPoint[] = [0, 1, 2].map((step) => ({
  attempt: 1,
  index: step,
  step,
  at: 1000 + step,
  values: { accuracy: step / 10, loss: step === 1 ? null : 1 },
}))
const trial = resultOf('e', [
  accepted({ trials: 1 }),
  suggested(0, { lr: 0.1, units: 32, kind: 'relu', wide: true, shape: [1, 2] }),
  assigned(0),
  ended(0, { kind: 'done', metrics: { accuracy: 0.9 } }, 1, { startedAt: 1000, endedAt: 2000, points: 3 }),
]).trials[0]

describe('event files', () => {
  it('checksum as CRC-32C does (RFC 3720, B.4) and mask it as TensorFlow does', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
    expect(maskedCrc32c(new Uint8Array(32))).toBe(0x0fd7fffa)
  })

  it('frame a record by its length and two checksums', () => {
    const record = Buffer.from(scalarRecord({ tag: 'loss', step: 3, at: 1500, value: 0.5 }))
    const length = Number(record.readBigUInt64LE(0))
    expect(record.length).toBe(length + 16)
    expect(record.readUInt32LE(8)).toBe(maskedCrc32c(record.subarray(0, 8)))
    expect(record.readUInt32LE(12 + length)).toBe(maskedCrc32c(record.subarray(12, 12 + length)))
  })

  it('of a trial are, byte for byte, those that TensorBoard was seen to read', async () => {
    const made = Buffer.concat([headerRecord(1000), ...trialRecords(trial!, points)])
    expect(made.equals(await readFile(new URL('trial.tfevents', import.meta.url)))).toBe(true)
  })

  it('hold only what the attempt that counts reported', () => {
    const other = points.map((point) => ({ ...point, attempt: 2 }))
    expect(trialRecords(trial!, [...points, ...other])).toEqual(trialRecords(trial!, points))
  })
})
