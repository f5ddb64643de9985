/** Eigenvalues and vectors of a symmetric matrix by Jacobi rotations (G. Golub and C. van Loan, "Matrix Computations", 8.5). */
export function eigen(
  matrix: Float64Array,
  n: number,
): { readonly values: Float64Array; readonly vectors: Float64Array } {
  const a = matrix.slice()
  const v = new Float64Array(n * n)
  for (let i = 0; i < n; i++) v[i * n + i] = 1
  const rotate = (p: number, q: number): void => {
    const apq = a[p * n + q] as number
    const theta = ((a[q * n + q] as number) - (a[p * n + p] as number)) / (2 * apq)
    const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1))
    const c = 1 / Math.sqrt(t * t + 1)
    const s = t * c
    for (let k = 0; k < n; k++) {
      const akp = a[k * n + p] as number
      const akq = a[k * n + q] as number
      a[k * n + p] = c * akp - s * akq
      a[k * n + q] = s * akp + c * akq
    }
    for (let k = 0; k < n; k++) {
      const apk = a[p * n + k] as number
      const aqk = a[q * n + k] as number
      a[p * n + k] = c * apk - s * aqk
      a[q * n + k] = s * apk + c * aqk
      const vkp = v[k * n + p] as number
      const vkq = v[k * n + q] as number
      v[k * n + p] = c * vkp - s * vkq
      v[k * n + q] = s * vkp + c * vkq
    }
  }
  for (let sweep = 0; sweep < 50; sweep++) {
    let off = 0
    let all = 0
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        const square = (a[i * n + j] as number) ** 2
        all += square
        if (i !== j) off += square
      }
    }
    if (off <= 1e-28 * all) break
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const apq = Math.abs(a[p * n + q] as number)
        if (apq > 1e-16 * Math.sqrt(Math.abs((a[p * n + p] as number) * (a[q * n + q] as number)))) rotate(p, q)
      }
    }
  }
  return { values: Float64Array.from({ length: n }, (_, i) => a[i * n + i] as number), vectors: v }
}
