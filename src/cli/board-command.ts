/** `maggy board`: a page that shows what runs, for as long as the command does. */
import { spawn } from 'node:child_process'
import { exitCodes } from '../actor/index.ts'
import { keepBoard, openSession, type BoardOptions } from '../client/index.ts'
import { interruptible } from './interrupt.ts'
import { sayAside, sessionOptions, type Looking } from './looking.ts'
import { printJson } from './watch.ts'

export type BoardCommandOptions = Looking & BoardOptions & { readonly open?: boolean }

/** Runs until it is interrupted. */
export async function boardCommand(options: BoardCommandOptions): Promise<number> {
  return await interruptible(async (signal) => {
    const session = await openSession({ ...sessionOptions(options), actors: 'none', onNotice: sayAside })
    try {
      const board = await keepBoard(session.address, { ...options, access: options })
      try {
        sayAddress(board.address, options.json === true)
        if (options.open === true) openInBrowser(board.address)
        const interrupted = new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => resolve(), { once: true })
        })
        await Promise.race([interrupted, board.failed, session.failed])
        return exitCodes.done
      } finally {
        await board.close()
      }
    } finally {
      await session.close()
    }
  })
}

export function sayAddress(address: string, json: boolean): void {
  if (json) printJson('board', { address })
  else process.stdout.write(`board  ${address}\n`)
}

/** With the program that this system has for it; where there is none, the address is on the screen all the same. */
function openInBrowser(address: string): void {
  const [program, ...args] = { darwin: ['open'], win32: ['cmd', '/c', 'start', ''] }[process.platform as string] ?? [
    'xdg-open',
  ]
  const child = spawn(program ?? 'xdg-open', [...args, address], { stdio: 'ignore', detached: true })
  child.once('error', () => {
    process.stderr.write('no browser could be opened: open the address by hand\n')
  })
  child.unref()
}
