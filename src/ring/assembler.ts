/**
 * WebAssembly's binary format, as far as the kernels need it: instructions as bytes, and a module of functions
 * (W3C, "WebAssembly Core Specification", 2.0, chapter 5).
 */

const leb = (value: number): number[] =>
  value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(Math.floor(value / 128))]
export const simd = (code: number, ...rest: number[]): number[] => [0xfd, ...leb(code), ...rest]
export const place = (offset: number): number[] => [0, ...leb(offset)]
export const get = (local: number): number[] => [0x20, ...leb(local)]
export const set = (local: number): number[] => [0x21, ...leb(local)]
export const tee = (local: number): number[] => [0x22, ...leb(local)]
/** Signed, as i32.const has it; small positive values only. */
export const int = (value: number): number[] => {
  const encoded = leb(value)
  return [
    0x41,
    ...((encoded.at(-1) ?? 0) & 0x40 ? [...encoded.slice(0, -1), (encoded.at(-1) ?? 0) | 0x80, 0] : encoded),
  ]
}
export const real = (value: number): number[] => [0x43, ...new Uint8Array(new Float32Array([value]).buffer)]
export const load = (offset: number): number[] => simd(0x00, ...place(offset))
export const store = (offset: number): number[] => simd(0x0b, ...place(offset))
export const splatFloat = simd(0x13)
export const splatInt = simd(0x11)
export const float = {
  add: simd(0xe4),
  sub: simd(0xe5),
  mul: simd(0xe6),
  ne: simd(0x42),
}
export const word = {
  add: simd(0xae),
  mul: simd(0xb5),
  shiftLeft: simd(0xab),
  shiftRight: simd(0xad),
  toFloat: simd(0xfa),
  sub: simd(0xb1),
  max: simd(0xb8),
}
export const bit = { and: simd(0x4e), or: simd(0x50), select: simd(0x52) }
export const shiftRight = [0x76]
export const scalar = {
  div: [0x95],
  less: [0x5d],
  greater: [0x5e],
  max: [0x97],
  load: (offset: number): number[] => [0x2a, ...place(offset)],
  store: (offset: number): number[] => [0x38, ...place(offset)],
}
/** Instructions, line by line. */
export const rows = (...lines: readonly (readonly number[])[]): number[] => lines.flat()
/** Types of parameters and locals. */
export const i32 = 0x7f
export const f32 = 0x7d
export const v128 = 0x7b

/** A function, exported by its name. */
export interface Code {
  readonly name: string
  readonly params: readonly number[]
  readonly result?: number
  /** Further locals; the last one of type i32 is the position, in bytes of float32 elements. */
  readonly locals: readonly number[]
  readonly code: readonly number[]
}

/** Repeats the body, `position` going on by `step`, until it is `end`: once at least. */
export const loop = (position: number, end: number, step: number, body: number[]): number[] =>
  rows(
    [0x03, 0x40],
    body,
    [...get(position), ...int(step), 0x6a, ...tee(position), ...get(end), 0x49, 0x0d, 0x00],
    [0x0b],
  )

const vector = (items: readonly (readonly number[])[]): number[] => [...leb(items.length), ...items.flat()]
const section = (id: number, content: number[]): number[] => [id, ...leb(content.length), ...content]
const name = (text: string): number[] => vector(Array.from(text, (letter) => [letter.charCodeAt(0)]))

/** A module of these functions, numbered in this order, with a memory of so many pages of 64 KiB (`memory`). */
export function assemble(codes: readonly Code[], pages: number): Uint8Array<ArrayBuffer> {
  const types = codes.map(({ params, result }) => [
    0x60,
    ...vector(params.map((p) => [p])),
    ...vector(result ? [[result]] : []),
  ])
  const bodies = codes.map(({ locals, code }) => {
    const body = [...vector(locals.map((type) => [1, type])), ...code, 0x0b]
    return [...leb(body.length), ...body]
  })
  const exported = codes.map((code, index) => [...name(code.name), 0, index])
  return new Uint8Array([
    0x00,
    0x61,
    0x73,
    0x6d,
    1,
    0,
    0,
    0,
    ...section(1, vector(types)),
    ...section(3, vector(codes.map((_, index) => [index]))),
    ...section(5, vector([[0, pages]])),
    ...section(7, vector([...exported, [...name('memory'), 2, 0]])),
    ...section(10, vector(bodies)),
  ])
}
