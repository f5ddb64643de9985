/** Dense triangular algebra for a few hundred rows; matrices are row by row, only their lower half is used. */

/** Factor L of A = L L', in place; false if A is not positive definite. */
export function cholesky(a: Float64Array, n: number): boolean {
  for (let i = 0; i < n; i++) {
    const rowI = i * n
    for (let j = 0; j <= i; j++) {
      const rowJ = j * n
      let sum = a[rowI + j] as number
      for (let k = 0; k < j; k++) sum -= (a[rowI + k] as number) * (a[rowJ + k] as number)
      if (i !== j) a[rowI + j] = sum / (a[rowJ + j] as number)
      else if (sum > 0) a[rowI + i] = Math.sqrt(sum)
      else return false
    }
  }
  return true
}

/** x = L^-1 b; x may be b. */
export function solveLower(l: Float64Array, n: number, b: Float64Array, x: Float64Array): void {
  for (let i = 0; i < n; i++) {
    const row = i * n
    let sum = b[i] as number
    for (let k = 0; k < i; k++) sum -= (l[row + k] as number) * (x[k] as number)
    x[i] = sum / (l[row + i] as number)
  }
}

/** x = L'^-1 b; x may be b. Goes along the rows, which lie together in memory. */
export function solveUpper(l: Float64Array, n: number, b: Float64Array, x: Float64Array): void {
  if (x !== b) x.set(b.subarray(0, n))
  for (let i = n - 1; i >= 0; i--) {
    const row = i * n
    const value = (x[i] as number) / (l[row + i] as number)
    x[i] = value
    for (let k = 0; k < i; k++) x[k] = (x[k] as number) - (l[row + k] as number) * value
  }
}

/** The lower half of A^-1, from the factor L of A. */
export function inverseFrom(l: Float64Array, n: number): Float64Array {
  // M = L^-1, row by row of its transpose, so that the product below goes along rows.
  const transposed = new Float64Array(n * n)
  for (let j = 0; j < n; j++) {
    const column = j * n
    transposed[column + j] = 1 / (l[column + j] as number)
    for (let i = j + 1; i < n; i++) {
      const row = i * n
      let sum = 0
      for (let k = j; k < i; k++) sum -= (l[row + k] as number) * (transposed[column + k] as number)
      transposed[column + i] = sum / (l[row + i] as number)
    }
  }
  const inverse = new Float64Array(n * n)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0
      for (let k = i; k < n; k++) sum += (transposed[i * n + k] as number) * (transposed[j * n + k] as number)
      inverse[i * n + j] = sum
    }
  }
  return inverse
}

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let index = 0; index < a.length; index++) sum += (a[index] as number) * (b[index] as number)
  return sum
}
