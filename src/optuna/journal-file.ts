/**
 * A journal in a file that others may write to as well (optuna-dashboard keeps notes in it): read on from where it was read last, and
 * appended to, under the lock that Optuna takes.
 * I1 A file that is no journal is left as it is.
 * I2 What is appended was compared with all that is there, for ids follow from it.
 */
import { lstat, open, symlink, unlink, type FileHandle } from 'node:fs/promises'
import { basename } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { problem } from '../../protocol/index.ts'
import { Journal } from './journal.ts'
import { lineOf, type Operation } from './operation.ts'

/** Optuna takes a lock away from whoever has held it for so long; so do we. */
const lockGraceMs = 30_000
const lockRetryMs = 20

export class JournalFile {
  readonly journal = new Journal()
  readonly #path: string
  readonly #file: FileHandle
  #offset = 0

  private constructor(path: string, file: FileHandle) {
    this.#path = path
    this.#file = file
  }

  /** Opens it, or makes it. Rejects with JOURNAL_INVALID (I1). */
  static async open(path: string): Promise<JournalFile> {
    const file = new JournalFile(path, await open(path, 'a+'))
    try {
      await file.#readOn()
      return file
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** Appends what `compare` says is missing; it is called with the journal as it is now, and applies to it what it returns (I2). */
  async append(compare: (journal: Journal) => readonly Operation[]): Promise<void> {
    const release = await this.#lock()
    try {
      await this.#readOn()
      if ((await this.#file.stat()).size > this.#offset) throw this.#fault('does not end')
      const bytes = Buffer.from(compare(this.journal).map(lineOf).join(''))
      if (bytes.length === 0) return
      await this.#file.appendFile(bytes)
      await this.#file.datasync()
      this.#offset += bytes.length
    } finally {
      await release()
    }
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  /** A last line that has no end yet is being written, and is read the next time. */
  async #readOn(): Promise<void> {
    const { size } = await this.#file.stat()
    if (size <= this.#offset) return
    const bytes = Buffer.alloc(size - this.#offset)
    const { bytesRead } = await this.#file.read(bytes, 0, bytes.length, this.#offset)
    const whole = bytes.subarray(0, bytes.lastIndexOf(10, bytesRead - 1) + 1)
    // I1
    if (whole.length === 0 && this.#offset === 0) throw this.#fault('does not end')
    this.journal.read(whole.toString(), this.#path)
    this.#offset += whole.length
  }

  #fault(reason: string) {
    return problem('JOURNAL_INVALID', { file: this.#path, line: this.journal.lines + 1, reason })
  }

  async #lock(): Promise<() => Promise<void>> {
    const lock = `${this.#path}.lock`
    for (;;) {
      try {
        await symlink(basename(this.#path), lock)
        return () => unlink(lock)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      const held = await lstat(lock).catch(() => undefined) // released meanwhile
      if (held !== undefined && Date.now() - held.mtimeMs > lockGraceMs) await unlink(lock).catch(() => undefined)
      await delay(lockRetryMs)
    }
  }
}
