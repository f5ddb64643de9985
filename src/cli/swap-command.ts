/** `maggy optimizer swap EXPERIMENT NAME`: another optimizer takes over a search that runs. */
import { codeOf, problem } from '../../protocol/index.ts'
import { exitCodes } from '../actor/index.ts'
import { swapRunning } from '../client/index.ts'
import { jsonOption } from './json-option.ts'
import { looking, type Looking } from './looking.ts'
import { printJson } from './watch.ts'

export async function swapCommand(
  experiment: string,
  name: string,
  given: Looking & { readonly options?: string },
): Promise<number> {
  const optimizer = { name, options: { ...jsonOption(given.options, '--options') } }
  const state = await looking(
    given,
    async ({ bus }) => {
      try {
        return await swapRunning(bus, experiment, optimizer)
      } catch (error) {
        if (codeOf(error) === 'BUS_NO_RESPONDERS') throw problem('EXPERIMENT_UNOWNED', { experiment }, { cause: error })
        throw error
      }
    },
    experiment,
  )
  if (given.json === true) printJson('optimizer', { experiment, optimizer, state })
  else process.stdout.write(`${experiment}: the optimizer is ${name} from here on\n`)
  return exitCodes.done
}
