/**
 * The inner loops over elements, in AssemblyScript: plain JavaScript takes five to ten times as long for them, which is longer than
 * the bytes are under way. `npm run generate` compiles this to src/ring/kernels.wasm.ts.
 * Addresses are in bytes; `elements` is a multiple of 256, and all of them are read and written.
 * I1 The same bits on every machine: WebAssembly's float arithmetic is IEEE 754, each operation rounded, and no relaxed one is used.
 * I2 Every `into` gets what the payload beside it is decoded to, bit for bit.
 * An address of 0 says: there is none. With `payload` 0 nothing is added; with `into` 0 only the payload is written.
 */

/** Elements that share a unit in int8. */
const scaleElements: usize = 256
/** The largest value of 256 elements below which their unit has no inverse in float32: they are sent as zeros. */
const smallest: f32 = 1e-35
/** A constant that leaves no place for a fraction when it is added to a small number: the last bits of the sum are the number, to the nearest, ties to even. */
const aligner: f32 = 12582912
const alignerBits: i32 = 0x4b400000
/** The 32-bit FNV prime: odd, so that no change of a single word is lost in the multiplications that follow it. */
const prime: i32 = 0x01000193

/** lanes = lanes * prime + word, for 16 lanes; `bytes` is a multiple of 64. Four chains, for a multiplication takes longer than it occupies. */
export function digest(data: usize, bytes: usize, lanes: usize): void {
  const factor = i32x4.splat(prime)
  let a = v128.load(lanes)
  let b = v128.load(lanes, 16)
  let c = v128.load(lanes, 32)
  let d = v128.load(lanes, 48)
  for (const end = data + bytes; data < end; data += 64) {
    a = i32x4.add(i32x4.mul(a, factor), v128.load(data))
    b = i32x4.add(i32x4.mul(b, factor), v128.load(data, 16))
    c = i32x4.add(i32x4.mul(c, factor), v128.load(data, 32))
    d = i32x4.add(i32x4.mul(d, factor), v128.load(data, 48))
  }
  v128.store(lanes, a)
  v128.store(lanes, b, 16)
  v128.store(lanes, c, 32)
  v128.store(lanes, d, 48)
}

// --- float32

/** out = (own * weight + payload) * factor */
export function mixFloat32(
  own: usize,
  weight: f32,
  payload: usize,
  factor: f32,
  out: usize,
  into: usize,
  elements: usize,
): void {
  const w = f32x4.splat(weight)
  const f = f32x4.splat(factor)
  const bytes = elements << 2
  if (!payload) {
    for (let at: usize = 0; at < bytes; at += 16) v128.store(out + at, f32x4.mul(v128.load(own + at), w))
    if (into) memory.copy(into, out, bytes)
  } else if (!into) {
    for (let at: usize = 0; at < bytes; at += 16) {
      v128.store(out + at, f32x4.mul(f32x4.add(f32x4.mul(v128.load(own + at), w), v128.load(payload + at)), f))
    }
  } else {
    for (let at: usize = 0; at < bytes; at += 16) {
      const mixed = f32x4.mul(f32x4.add(f32x4.mul(v128.load(own + at), w), v128.load(payload + at)), f)
      v128.store(out + at, mixed)
      v128.store(into + at, mixed)
    }
  }
}

export function decodeFloat32(payload: usize, into: usize, elements: usize): void {
  for (const end = into + (elements << 2); into < end; into += 16, payload += 16) {
    v128.store(into, v128.load(payload))
  }
}

// --- bfloat16: the upper half of a float32, rounded to the nearest, ties to even

function narrowed(x: v128): v128 {
  const upper = i32x4.shr_u(x, 16)
  // Half a unit less one, plus the last bit that stays.
  const rounding = i32x4.add(i32x4.splat(0x7fff), v128.and(upper, i32x4.splat(1)))
  return i32x4.shr_u(i32x4.add(x, rounding), 16)
}

/** A NaN keeps its upper half, with a bit that keeps it one. */
function withNaN(x: v128, rounded: v128): v128 {
  return v128.bitselect(v128.or(i32x4.shr_u(x, 16), i32x4.splat(0x40)), rounded, f32x4.ne(x, x))
}

function widened(payload: usize): v128 {
  return i32x4.shl(v128.load_ext<u16>(payload), 16)
}

/** out = bfloat16((own * weight + payload) * factor) */
export function mixBfloat16(
  own: usize,
  weight: f32,
  payload: usize,
  factor: f32,
  out: usize,
  into: usize,
  elements: usize,
): void {
  const w = f32x4.splat(weight)
  const f = f32x4.splat(factor)
  for (const end = own + (elements << 2); own < end; own += 32, out += 16) {
    let low = f32x4.mul(v128.load(own), w)
    let high = f32x4.mul(v128.load(own, 16), w)
    if (payload) {
      low = f32x4.mul(f32x4.add(low, widened(payload)), f)
      high = f32x4.mul(f32x4.add(high, widened(payload + 8)), f)
      payload += 16
    }
    let first = narrowed(low)
    let second = narrowed(high)
    if (v128.any_true(v128.or(f32x4.ne(low, low), f32x4.ne(high, high)))) {
      first = withNaN(low, first)
      second = withNaN(high, second)
    }
    v128.store(out, i16x8.narrow_i32x4_u(first, second))
    if (into) {
      v128.store(into, i32x4.shl(first, 16))
      v128.store(into, i32x4.shl(second, 16), 16)
      into += 32
    }
  }
}

export function decodeBfloat16(payload: usize, into: usize, elements: usize): void {
  for (const end = into + (elements << 2); into < end; into += 16, payload += 8) {
    v128.store(into, widened(payload))
  }
}

// --- int8: a float32 unit for each 256 elements, and a signed byte an element

function restored(payload: usize): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(v128.load_ext<i8>(payload)))
}

/**
 * x = (own * weight + payload) * factor + residual; out = int8(x), residual = what that loses. A unit that is not finite, or has no
 * inverse, goes with zeros (NaN and infinity pass on in it), and leaves no residual.
 * `scratch` holds 256 elements. `units` are those of the payload, `outUnits` of the result.
 */
export function mixInt8(
  own: usize,
  weight: f32,
  units: usize,
  payload: usize,
  factor: f32,
  residual: usize,
  outUnits: usize,
  out: usize,
  into: usize,
  elements: usize,
  scratch: usize,
): void {
  const w = f32x4.splat(weight)
  const f = f32x4.splat(factor)
  const unsigned = i32x4.splat(0x7fffffff)
  for (let left = elements; left > 0; left -= scaleElements) {
    // Floats without their sign have the order of their bits, and a NaN is above them all.
    let peaks = i32x4.splat(0)
    if (payload) {
      const u = f32x4.splat(load<f32>(units))
      units += 4
      for (let at: usize = 0; at < scaleElements << 2; at += 16) {
        const sum = f32x4.add(f32x4.mul(v128.load(own + at), w), f32x4.mul(restored(payload + (at >> 2)), u))
        const x = f32x4.add(f32x4.mul(sum, f), v128.load(residual + at))
        v128.store(scratch + at, x)
        peaks = i32x4.max_u(peaks, v128.and(x, unsigned))
      }
      payload += scaleElements
    } else {
      for (let at: usize = 0; at < scaleElements << 2; at += 16) {
        const x = f32x4.add(f32x4.mul(v128.load(own + at), w), v128.load(residual + at))
        v128.store(scratch + at, x)
        peaks = i32x4.max_u(peaks, v128.and(x, unsigned))
      }
    }
    const peak = max(
      max(f32x4.extract_lane(peaks, 0), f32x4.extract_lane(peaks, 1)),
      max(f32x4.extract_lane(peaks, 2), f32x4.extract_lane(peaks, 3)),
    )
    const unit: f32 = peak / 127
    store<f32>(outUnits, unit)
    if (peak > smallest && peak < Infinity) quantized(scratch, unit, residual, out, into)
    else emptied(unit, residual, out, into)
    own += scaleElements << 2
    residual += scaleElements << 2
    outUnits += 4
    out += scaleElements
    if (into) into += scaleElements << 2
  }
}

/** out = int8(source / unit), residual = source - out * unit, into = out * unit; sixteen at a time */
function quantized(source: usize, unit: f32, residual: usize, out: usize, into: usize): void {
  const inverse = f32x4.splat(1 / unit)
  const u = f32x4.splat(unit)
  const shift = f32x4.splat(aligner)
  const shiftBits = i32x4.splat(alignerBits)
  for (let at: usize = 0; at < scaleElements << 2; at += 64) {
    const a = f32x4.add(f32x4.mul(v128.load(source + at), inverse), shift)
    const b = f32x4.add(f32x4.mul(v128.load(source + at, 16), inverse), shift)
    const c = f32x4.add(f32x4.mul(v128.load(source + at, 32), inverse), shift)
    const d = f32x4.add(f32x4.mul(v128.load(source + at, 48), inverse), shift)
    const low = i16x8.narrow_i32x4_s(i32x4.sub(a, shiftBits), i32x4.sub(b, shiftBits))
    const high = i16x8.narrow_i32x4_s(i32x4.sub(c, shiftBits), i32x4.sub(d, shiftBits))
    v128.store(out + (at >> 2), i8x16.narrow_i16x8_s(low, high))
    const p = f32x4.mul(f32x4.sub(a, shift), u)
    const q = f32x4.mul(f32x4.sub(b, shift), u)
    const r = f32x4.mul(f32x4.sub(c, shift), u)
    const s = f32x4.mul(f32x4.sub(d, shift), u)
    v128.store(residual + at, f32x4.sub(v128.load(source + at), p))
    v128.store(residual + at, f32x4.sub(v128.load(source + at, 16), q), 16)
    v128.store(residual + at, f32x4.sub(v128.load(source + at, 32), r), 32)
    v128.store(residual + at, f32x4.sub(v128.load(source + at, 48), s), 48)
    if (into) {
      v128.store(into + at, p)
      v128.store(into + at, q, 16)
      v128.store(into + at, r, 32)
      v128.store(into + at, s, 48)
    }
  }
}

/** Zeros go, which times a unit that is not finite are NaN: all elements of the unit show it. */
function emptied(unit: f32, residual: usize, out: usize, into: usize): void {
  memory.fill(residual, 0, scaleElements << 2)
  memory.fill(out, 0, scaleElements)
  if (!into) return
  const shown = f32x4.splat(0 * unit)
  for (let at: usize = 0; at < scaleElements << 2; at += 16) v128.store(into + at, shown)
}

export function decodeInt8(units: usize, payload: usize, into: usize, elements: usize): void {
  for (let left = elements; left > 0; left -= scaleElements) {
    const unit = f32x4.splat(load<f32>(units))
    for (let at: usize = 0; at < scaleElements << 2; at += 16) {
      v128.store(into + at, f32x4.mul(restored(payload + (at >> 2)), unit))
    }
    units += 4
    payload += scaleElements
    into += scaleElements << 2
  }
}
