import { codeOf, isProblem } from '../../protocol/index.ts'
import { fix, inspect, type Inspection, type PartReport } from './inspect.ts'
import { progressTo } from './progress.ts'

export interface DoctorOptions {
  /** Set up what is missing first. */
  readonly fix?: boolean
  /** One JSON object instead of lines for a person. */
  readonly json?: boolean
  readonly write?: (text: string) => void
}

/** `maggy doctor`: what was found, where, which version, and the remedy. Returns the exit code: 0 if nothing is missing. */
export async function doctor(options: DoctorOptions = {}): Promise<number> {
  const write = options.write ?? ((text: string) => void process.stdout.write(text))
  const failures =
    options.fix === true ? await fix(progressTo((line) => options.json !== true && write(`${line}\n`))) : []
  const inspection = await inspect()
  if (options.json === true) {
    const failed = failures.map((error) => ({ code: codeOf(error) ?? 'INTERNAL', message: error.message }))
    write(`${JSON.stringify({ ...inspection, failures: failed })}\n`)
  } else {
    write(describeInspection(inspection))
    for (const error of failures) write(`\n${error.message}\n${isProblem(error) ? `  ${error.remedy}\n` : ''}`)
  }
  return inspection.ok ? 0 : 1
}

/** The findings as lines for a person. */
export function describeInspection(inspection: Inspection): string {
  const lines = inspection.parts.map(describePart)
  lines.push(inspection.ok ? 'Nothing is missing.' : 'Something is missing: see the lines that begin with a cross.')
  return `${lines.join('\n')}\n`
}

function describePart(part: PartReport): string {
  const mark = part.ok ? '✓' : part.needed ? '✗' : '–'
  const head = `${mark} ${part.part.padEnd(12)} ${(part.version ?? '').padEnd(10)} ${part.where ?? ''}`.trimEnd()
  if (part.ok) return head
  const aside = part.needed ? '' : ' (not needed as long as the rest is there)'
  return `${head}\n    ${part.reason ?? 'missing'}${aside}${part.remedy === undefined ? '' : `\n    ${part.remedy}`}`
}
