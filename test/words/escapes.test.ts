/** What a trial prints, and what things are called, moves no cursor and runs in no spreadsheet. */
import { expect, test } from 'vitest'
import { prettyLine, createLogger } from '../../src/actor/log.ts'
import { failureText } from '../../src/cli/failure.ts'
import { toCsv } from '../../src/store/index.ts'
import { visible, visibleJson } from '../../src/words/index.ts'

const hostile = '\u001B]0;owned\u0007\u009B2J\u202Egpj.exe'
// eslint-disable-next-line no-control-regex -- these are what must not be there
const control = /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202A-\u202E]/

test('a line on a terminal shows C0, C1, OSC and marks of direction as escapes', () => {
  expect(visible(hostile)).toBe('\\e]0;owned\\u0007\\u009b2J\\u202egpj.exe')
})

test('JSON for machines is the same to them, and does nothing to a terminal', () => {
  const line = visibleJson(JSON.stringify({ text: hostile }))
  expect(line).not.toMatch(control)
  expect(JSON.parse(line)).toEqual({ text: hostile })
})

test('the log of an actor holds none of them, for people or for machines', () => {
  const lines: string[] = []
  for (const pretty of [true, false]) {
    const write = (line: string) => void lines.push(line)
    createLogger({ actor: 'driver', id: 'd1', level: 'info', pretty, write }).info({ [hostile]: hostile }, hostile)
  }
  expect(lines).toHaveLength(2)
  expect(lines.join('')).not.toMatch(control)
  expect(prettyLine(lines[1] ?? '')).toContain('owned')
})

test('an error of another process holds none of them either', () => {
  const fault = { code: hostile, message: hostile, remedy: hostile, stack: hostile }
  expect(failureText(fault, true)).not.toMatch(control)
})

test('a cell that a spreadsheet would take for a formula stays text, and a number stays a number', () => {
  const rows = [['=1+1', '+1', '-1', '@x', '\tx', '\rx', '＝1', 'plain', -1, 2, null]]
  const csv = toCsv({ columns: ['=cmd()'], rows })
  expect(csv).toBe("'=cmd()\r\n'=1+1,'+1,'-1,'@x,'\tx,\"'\rx\",'＝1,plain,-1,2,\r\n")
})
