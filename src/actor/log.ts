/** Logs go to stderr: short lines for people at a terminal, JSON lines for machines. */
import { pino, type Logger } from 'pino'
import type { OnDropped } from '../bus/index.ts'
import { visible, visibleJson, visibleLines } from '../words/index.ts'
import type { Clock } from './clock.ts'

export type { Logger } from 'pino'
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

const levelNames: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  40: 'warning',
  50: 'error',
  60: 'fatal',
}
const left = new Set(['level', 'time', 'msg', 'actor', 'id', 'pid', 'hostname'])

export function createLogger(options: {
  actor: string
  id: string
  level: LogLevel
  pretty: boolean
  write: (line: string) => void
}): Logger {
  const { actor, id, level, pretty, write } = options
  const target = {
    write: pretty ? (line: string) => write(prettyLine(line)) : (line: string) => write(visibleJson(line)),
  }
  return pino({ level, base: { actor, id } }, target)
}

/** `12:03:04 worker w-abcd: took trial 3 experiment=mnist` */
export function prettyLine(json: string): string {
  const entry = JSON.parse(json) as Record<string, unknown>
  const time = new Date(Number(entry['time'])).toISOString().slice(11, 19)
  const level = levelNames[Number(entry['level'])]
  const rest = Object.entries(entry)
    .filter(([key]) => !left.has(key))
    .map(
      ([key, value]) =>
        ` ${visible(key)}=${typeof value === 'string' ? visibleLines(value) : visibleJson(JSON.stringify(value))}`,
    )
  const text = typeof entry['msg'] === 'string' ? entry['msg'] : ''
  return `${time} ${String(entry['actor'])} ${String(entry['id'])}: ${level ? `${level}: ` : ''}${visibleLines(text)}${rest.join('')}\n`
}

/** Counts what was dropped and logs one line a second at most, so that a flood from outside is no flood here. */
export function droppedLog(clock: Clock, logger: Logger): { onDropped: OnDropped; count: () => number } {
  let total = 0
  let told = 0
  let quietUntil = -Infinity
  return {
    onDropped(subject, reason) {
      total += 1
      const now = clock.elapsed()
      if (now < quietUntil) return
      quietUntil = now + 1_000
      logger.warn({ subject, code: reason.code, dropped: total - told }, reason.message)
      told = total
    },
    count: () => total,
  }
}
