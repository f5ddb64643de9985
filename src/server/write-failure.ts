/**
 * A nats-server that failed to write to a stream's file answers no publish of that stream any more, not even once the disk has room
 * again: only a start anew mends it. Its log is the one place where it says so.
 */
import { statfs } from 'node:fs/promises'

export interface WriteFailure {
  readonly reason: string
  /** There is no room on the disk; else it is a fault of another kind. */
  readonly full: boolean
}

/** Reads from a line of nats-server's log that a stream cannot be written; undefined for all other lines. */
export function writeFailureIn(line: string): WriteFailure | undefined {
  const reason = /critical write error: (.+)$/i.exec(line)?.[1]
  return reason === undefined ? undefined : { reason, full: /no space left|quota exceeded/i.test(reason) }
}

const roomBytes = 64 * 2 ** 20

/** Whether the disk that the folder is on has room worth a start: 64 MiB, or a tenth of a small disk. */
export async function hasRoom(folder: string): Promise<boolean> {
  const { bavail, bsize, blocks } = await statfs(folder)
  return bavail * bsize >= Math.min(roomBytes, (blocks * bsize) / 10)
}
