import { describe, expect, it } from 'vitest'
import { OutputDigest, printedText } from '../../src/cli/output-digest.ts'

const said = (digest: OutputDigest, trial: number, text: string, from: 'stdout' | 'stderr' = 'stdout') =>
  digest.take(trial, { from, text })

describe('what trials print', () => {
  it('is told once when it is new, and counted when it is not, whichever trial says it', () => {
    const digest = new OutputDigest()
    expect(said(digest, 3, 'nothing could be cut', 'stderr')).toMatchObject({ trial: 3, count: 1 })
    expect(said(digest, 4, 'nothing could be cut', 'stderr')).toBeUndefined()
    expect(said(digest, 4, 'epoch 1')).toMatchObject({ trial: 4 })
    expect(said(digest, 4, '')).toBeUndefined()
    expect(digest.repeated(5).map(printedText)).toEqual(['2 times: stderr: nothing could be cut'])
    expect(digest.last(5).map(printedText)).toEqual(['2 times: stderr: nothing could be cut', 'trial 4: epoch 1'])
  })

  it('moves no cursor, and fills no memory', () => {
    const digest = new OutputDigest()
    for (let line = 0; line < 5000; line += 1) said(digest, 0, `line ${line}\u001B[2J`)
    expect(digest.different).toBe(5000)
    expect(digest.last(5000)).toHaveLength(1000)
    expect(digest.last(1).map(printedText)).toEqual(['trial 0: line 4999\\e[2J'])
  })
})
