/** Numbers that look random and are the same for the same place: small data sets are made of them. */

/** In [0, 1). */
export function numberAt(...place: readonly number[]): number {
  const sine = Math.sin(place.reduce((sum, one, at) => sum + one * (12.9898 + 65.2311 * at), 1)) * 43758.5453
  return sine - Math.floor(sine)
}

export const range = (count: number, from = 0): number[] => Array.from({ length: count }, (_, at) => from + at)
