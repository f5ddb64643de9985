/** `maggy optimizer swap EXPERIMENT NAME`: another optimizer takes over a search that runs. */
import { exitCodes } from '../actor/index.ts'
import { changeRunning } from '../client/index.ts'
import { jsonOption } from './json-option.ts'
import { looking, type Looking } from './looking.ts'
import { printJson } from './watch.ts'

export async function swapCommand(
  experiment: string,
  name: string,
  given: Looking & { readonly options?: string },
): Promise<number> {
  const optimizer = { name, options: { ...jsonOption(given.options, '--options') } }
  const state = await looking(given, ({ bus }) => changeRunning(bus, experiment, { optimizer }), experiment)
  if (given.json === true) printJson('optimizer', { experiment, optimizer, state })
  else process.stdout.write(`${experiment}: the optimizer is ${name} from here on\n`)
  return exitCodes.done
}
