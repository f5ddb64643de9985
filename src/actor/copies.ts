/** How many servers keep a copy of what is kept, as an option of the command line. */
import { InvalidArgumentError } from 'commander'

/** JetStream keeps five at most. */
const most = 5

export function parseCopies(text: string): number {
  const copies = Number(text)
  if (/^\d+$/.test(text) && copies >= 1 && copies <= most) return copies
  throw new InvalidArgumentError(`a number of servers from 1 to ${most} is needed; 3 outlive the loss of one, 5 of two`)
}
