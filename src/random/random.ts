/** Seeded randomness as an argument. */
export interface Random {
  /** Uniform in [0, 1), 53 bits. */
  uniform(): number
  /** Standard normal. */
  normal(): number
  /** Uniform whole number in [0, below). */
  integer(below: number): number
}
