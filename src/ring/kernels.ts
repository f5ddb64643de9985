/**
 * The inner loops, four elements at a time, as a WebAssembly module that is put together here: plain JavaScript takes five to ten
 * times as long for them, which is longer than the bytes are under way.
 * Each kernel works on one block in fixed places of a small memory; the caller copies in and out.
 * I1 The same bits on every machine: WebAssembly's float arithmetic is IEEE 754, and no relaxed instruction is used.
 */

import {
  assemble,
  bit,
  f32,
  float,
  get,
  i32,
  int,
  load,
  loop,
  place,
  real,
  rows,
  scalar,
  set,
  shiftRight,
  simd,
  splatFloat,
  splatInt,
  store,
  tee,
  v128,
  word,
  type Code,
} from './assembler.ts'

/** Elements that a block holds at most. */
export const blockElements = 16_384
/** Elements that share a scale in int8. */
export const scaleElements = 256
const scaleBytes = 4 * scaleElements
/** The largest value of 256 elements below which their unit has no inverse in float32: they are sent as zeros. */
const smallest = 1e-35

const bytes = 4 * blockElements
const at = {
  source: 0,
  values: bytes,
  payload: 2 * bytes,
  residual: 3 * bytes,
  lanes: 4 * bytes,
  units: 4 * bytes + 64,
}
/** The 32-bit FNV prime: odd, so that no change of a single word is lost in the multiplications that follow it. */
const prime = 0x01000193

/** Four float32 at `offset` past `position`, times the vector in `scale`, rounded to bfloat16: four words. */
const narrowed = (position: number, scale: number, offset: number, x: number): number[] =>
  rows(
    [...get(position), ...load(at.source + offset), ...get(scale), ...float.mul, ...tee(x)],
    // A NaN keeps its upper half, with a bit that keeps it one.
    [...int(16), ...word.shiftRight, ...int(0x40), ...splatInt, ...bit.or],
    // Ties to even: half a unit less one, plus the last bit that stays.
    [...get(x), ...int(0x7fff), ...splatInt, ...word.add],
    [...get(x), ...int(16), ...word.shiftRight, ...int(1), ...splatInt, ...bit.and, ...word.add],
    [...int(16), ...word.shiftRight],
    [...get(x), ...get(x), ...float.ne, ...bit.select],
  )

const laneVectors = [0, 1, 2, 3]

/** What added to a small number leaves no place for a fraction: the last bits of the sum are the number, to the nearest, ties to even. */
const aligner = 1.5 * 2 ** 23
const alignerBits = 0x4b400000

/** Those that the others call. */
const inner: readonly Code[] = [
  {
    // source = source * weight + residual; gives the largest absolute value. From `start`, which is also the position, to `end`.
    name: 'prepare',
    params: [i32, i32, f32],
    result: f32,
    locals: [v128, v128, v128, v128],
    code: rows(
      [...get(2), ...splatFloat, ...set(3), ...int(0x7fffffff), ...splatInt, ...set(6)],
      loop(
        0,
        1,
        16,
        rows(
          [...get(0), ...get(0), ...load(at.source), ...get(3), ...float.mul, ...get(0), ...load(at.residual)],
          // Floats without their sign have the order of their bits, and a NaN is above them all.
          [
            ...float.add,
            ...tee(4),
            ...store(at.source),
            ...get(4),
            ...get(6),
            ...bit.and,
            ...get(5),
            ...word.max,
            ...set(5),
          ],
        ),
      ),
      [...get(5), ...simd(0x1f, 0), ...get(5), ...simd(0x1f, 1), ...scalar.max],
      [...get(5), ...simd(0x1f, 2), ...scalar.max, ...get(5), ...simd(0x1f, 3), ...scalar.max],
    ),
  },
  {
    // payload = int8(source * inverse), to the nearest, ties to even; residual = source - payload * unit; sixteen at a time
    name: 'quantize',
    params: [i32, i32, f32, f32],
    locals: [v128, v128, v128, v128, v128, ...laneVectors.map(() => v128)],
    code: rows(
      [...get(2), ...splatFloat, ...set(4), ...get(3), ...splatFloat, ...set(5)],
      [...real(aligner), ...splatFloat, ...set(7), ...int(alignerBits), ...splatInt, ...set(8)],
      loop(
        0,
        1,
        64,
        rows(
          laneVectors.flatMap((lane) =>
            rows(
              [...get(0), ...load(at.source + 16 * lane), ...tee(6), ...get(4), ...float.mul, ...get(7), ...float.add],
              [
                ...tee(9 + lane),
                ...get(8),
                ...word.sub,
                ...get(0),
                ...get(6),
                ...get(9 + lane),
                ...get(7),
                ...float.sub,
              ],
              [...get(5), ...float.mul, ...float.sub, ...store(at.residual + 16 * lane), ...set(9 + lane)],
            ),
          ),
          [
            ...get(0),
            ...int(2),
            ...shiftRight,
            ...get(9),
            ...get(10),
            ...simd(0x85),
            ...get(11),
            ...get(12),
            ...simd(0x85),
          ],
          [...simd(0x65), ...store(at.payload)],
        ),
      ),
    ),
  },
  {
    // values = payload * unit
    name: 'restore',
    params: [i32, i32, f32],
    locals: [v128],
    code: rows(
      [...get(2), ...splatFloat, ...set(3)],
      loop(
        0,
        1,
        16,
        rows(
          [...get(0), ...get(0), ...int(2), ...shiftRight, ...simd(0x5c, ...place(at.payload))],
          [...simd(0x87), ...simd(0xa7), ...word.toFloat, ...get(3), ...float.mul, ...store(at.values)],
        ),
      ),
    ),
  },
]

const call = (name: string): number[] => [0x10, inner.findIndex((code) => code.name === name)]
const fill = [0xfc, 0x0b, 0]

const kernels: readonly Code[] = [
  ...inner,
  {
    // lanes = lanes * prime + source, sixteen words at a time: four chains, for a multiplication takes longer than it occupies
    name: 'digest',
    params: [i32],
    locals: [i32, v128, ...laneVectors.map(() => v128)],
    code: rows(
      [...int(prime), ...splatInt, ...set(2)],
      laneVectors.flatMap((lane) => rows(int(0), load(at.lanes + 16 * lane), set(3 + lane))),
      loop(
        1,
        0,
        64,
        laneVectors.flatMap((lane) =>
          rows(get(3 + lane), get(2), word.mul, get(1), load(at.source + 16 * lane), word.add, set(3 + lane)),
        ),
      ),
      laneVectors.flatMap((lane) => rows(int(0), get(3 + lane), store(at.lanes + 16 * lane))),
    ),
  },
  {
    // source = source * weight
    name: 'scale',
    params: [i32, f32],
    locals: [i32, v128],
    code: rows(
      [...get(1), ...splatFloat, ...set(3)],
      loop(2, 0, 16, rows(get(2), get(2), load(at.source), get(3), float.mul, store(at.source))),
    ),
  },
  {
    // source = (source * weight + values) * factor
    name: 'mix',
    params: [i32, f32, f32],
    locals: [i32, v128, v128],
    code: rows(
      [...get(1), ...splatFloat, ...set(4), ...get(2), ...splatFloat, ...set(5)],
      loop(
        3,
        0,
        16,
        rows(
          [...get(3), ...get(3), ...load(at.source), ...get(4), ...float.mul],
          [...get(3), ...load(at.values), ...float.add, ...get(5), ...float.mul, ...store(at.source)],
        ),
      ),
    ),
  },
  {
    // payload = bfloat16(source * weight), eight at a time
    name: 'narrow',
    params: [i32, f32],
    locals: [i32, v128, v128],
    code: rows(
      [...get(1), ...splatFloat, ...set(3)],
      loop(
        2,
        0,
        32,
        rows(
          [...get(2), ...int(1), ...shiftRight],
          [...narrowed(2, 3, 0, 4), ...narrowed(2, 3, 16, 4), ...simd(0x86), ...store(at.payload)],
        ),
      ),
    ),
  },
  {
    // values = float32(payload)
    name: 'widen',
    params: [i32],
    locals: [i32],
    code: loop(
      1,
      0,
      16,
      rows(
        [...get(1), ...get(1), ...int(1), ...shiftRight, ...simd(0x04, ...place(at.payload))],
        [...int(16), ...word.shiftLeft, ...store(at.values)],
      ),
    ),
  },
  {
    // units and payload = int8(source * weight + residual), residual = what that loses, by 256 elements at a time. A unit that is not
    // finite, or has no inverse, goes with zeros (NaN and infinity pass on in it), and leaves no residual.
    name: 'pack',
    params: [i32, f32],
    locals: [i32, i32, f32, f32, i32],
    code: loop(
      6,
      0,
      scaleBytes,
      rows(
        [...get(6), ...get(6), ...int(scaleBytes), 0x6a, ...tee(2), ...get(1), ...call('prepare'), ...tee(4)],
        [...real(smallest), ...scalar.greater, ...get(4), ...real(Infinity), ...scalar.less, 0x71, ...set(3)],
        [
          ...get(6),
          ...int(8),
          ...shiftRight,
          ...get(4),
          ...real(127),
          ...scalar.div,
          ...tee(5),
          ...scalar.store(at.units),
        ],
        [...get(6), ...get(2), ...real(1), ...get(5), ...scalar.div, ...real(0), ...get(3), 0x1b, ...get(5)],
        [...call('quantize'), ...get(3), 0x45, 0x04, 0x40],
        [...get(6), ...int(at.residual), 0x6a, ...int(0), ...int(scaleBytes), ...fill],
        [
          ...get(6),
          ...int(2),
          ...shiftRight,
          ...int(at.payload),
          0x6a,
          ...int(0),
          ...int(scaleElements),
          ...fill,
          0x0b,
        ],
      ),
    ),
  },
  {
    // values = payload * unit, by 256 elements at a time
    name: 'unpack',
    params: [i32],
    locals: [i32],
    code: loop(
      1,
      0,
      scaleBytes,
      rows(
        [...get(1), ...get(1), ...int(scaleBytes), 0x6a, ...get(1), ...int(8), ...shiftRight, ...scalar.load(at.units)],
        call('restore'),
      ),
    ),
  },
]

interface Kernels {
  readonly memory: { readonly buffer: ArrayBuffer }
  digest(end: number): void
  scale(end: number, weight: number): void
  mix(end: number, weight: number, factor: number): void
  narrow(end: number, weight: number): void
  widen(end: number): void
  pack(end: number, weight: number): void
  unpack(end: number): void
}

/** Node's types have no values for it. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: Kernels }
}

const made = new WebAssembly.Instance(new WebAssembly.Module(assemble(kernels, (4 * bytes) / 65_536 + 1))).exports
const { buffer } = made.memory

/** Positions are in bytes of float32 elements, multiples of 16 (`narrow`: 32, `digest`: 64, `pack` and `unpack`: 1,024); what lies past a block's end is not used. */
export const kernel: Omit<Kernels, 'memory'> = made
/** The fixed places of the memory. */
export const block = {
  source: new Float32Array(buffer, at.source, blockElements),
  /** `source`, as `digest` sees it. */
  raw: new Uint8Array(buffer, at.source, bytes),
  lanes: new Uint32Array(buffer, at.lanes, 16),
  values: new Float32Array(buffer, at.values, blockElements),
  halves: new Uint16Array(buffer, at.payload, blockElements),
  units: new Float32Array(buffer, at.units, blockElements / scaleElements),
  bytes: new Int8Array(buffer, at.payload, blockElements),
  residual: new Float32Array(buffer, at.residual, blockElements),
}
