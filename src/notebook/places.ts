/** Where an error comes from, in the user's words: the cell and the line. */
import { capture, type Shipment } from '../closure/index.ts'
import { isProblem } from '../../protocol/index.ts'
import { cellsIn } from './cell-log.ts'
import { locate, type Cell } from './cells.ts'

const inBundle = /\(?(?:file:\/\/)?[^\s()]*?cell-(\d+)\.ts:(\d+):\d+\)?/

/** `cell-3.ts:5:9` as people say it. */
export const placesIn = (text: string): string =>
  text.replaceAll(new RegExp(inBundle, 'g'), (_, cell: string, line: string) => `(${inWords(cell, line)})`)

const inWords = (cell: number | string, line: number | string): string => `cell [${cell}], line ${line}`

/** An error that came from a worker, with the cell and the line of the first of these stacks that names one. */
export function placedBy(error: Error, stacks: readonly (string | undefined)[]): void {
  const [, cell, line] = inBundle.exec(stacks.join('\n')) ?? []
  if (cell !== undefined && line !== undefined) say(error, inWords(cell, line))
}

/** As `work`; what one of the definition's functions throws in this process names the cell and the line that it came from. */
export async function placing<T>(definition: Readonly<Record<string, unknown>>, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const thrown = error instanceof Error && error.cause instanceof Error ? error.cause : error
    const where = thrown instanceof Error ? await placeOf(thrown.stack ?? '', definition) : undefined
    if (error instanceof Error && where !== undefined) say(error, where)
    throw error
  }
}

function say(error: Error, where: string): void {
  const { message, stack } = error // before either changes: engines make the stack when it is asked for
  error.message = `${message} (${where})`
  if (stack !== undefined) error.stack = stack.replace(message, () => error.message)
}

async function placeOf(stack: string, definition: Readonly<Record<string, unknown>>): Promise<string | undefined> {
  let cells: readonly Cell[] = []
  const onScripts: NonNullable<Parameters<typeof capture>[1]>['onScripts'] = async (scripts, sourceOf) => {
    cells = await cellsIn(scripts, sourceOf)
  }
  let shipment: Shipment
  try {
    shipment = await capture(definition, { onScripts })
  } catch (error) {
    // Functions that cannot travel can be explored all the same; where they stand is not known then.
    if (isProblem(error)) return undefined
    throw error
  }
  for (const frame of stack.split('\n')) {
    const [, name = '', line = ''] =
      /^\s+at (?:async )?(?:(.*) \()?(?:evalmachine\.)?<anonymous>:(\d+):\d+\)?$/.exec(frame) ?? []
    const where = line === '' ? undefined : placeIn(shipment, name, Number(line) - 1, cells)
    if (where !== undefined) return where
  }
  return undefined
}

/** Scripts of cells have no names: of the functions with this line the one that is called so, or else the shortest. */
function placeIn({ marks }: Shipment, name: string, line: number, cells: readonly Cell[]): string | undefined {
  const around = marks.flatMap(({ node: { name: called, place, source } }) => {
    const count = source.text.split('\n').length
    const isCell = place !== undefined && !/^(file|node):/.test(place.script.url)
    return isCell && line >= place.line && line < place.line + count
      ? [{ count, at: line - place.line, source, isNamed: name.split('.').at(-1) === called }]
      : []
  })
  const [found] = around.sort((a, b) => Number(b.isNamed) - Number(a.isNamed) || a.count - b.count)
  const located = found === undefined ? undefined : locate(found.source.text, cells)
  return located === undefined ? undefined : inWords(located.cell.number, (located.lines[found?.at ?? 0] ?? 0) + 1)
}
