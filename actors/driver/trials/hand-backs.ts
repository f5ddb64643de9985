/** How often the attempts at a trial were handed back in a row, without having begun. */
const handBacksAtMost = 8

export class HandBacks {
  /** An attempt that was handed back so often counts as lost. */
  readonly most = handBacksAtMost
  readonly #counts = new Map<number, number>()

  /** Counts one more; true: the trial was handed back once too often, and its count begins anew. */
  isOneTooMany(trial: number): boolean {
    const count = (this.#counts.get(trial) ?? 0) + 1
    this.#counts.set(trial, count % this.most)
    return count >= this.most
  }

  forget(trial: number): void {
    this.#counts.delete(trial)
  }
}
