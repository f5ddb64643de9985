const idle = new Int32Array(new SharedArrayBuffer(4))

/** Holds the thread up for so many milliseconds, as computing does. */
export function block(ms: number): void {
  if (ms > 0) Atomics.wait(idle, 0, 0, ms)
}
