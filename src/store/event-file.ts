/** TensorBoard's event files: protobuf Events in TFRecord frames. Field numbers: tensorflow/core/util/event.proto, framework/summary.proto. */
import protobuf from 'protobufjs'
import { maskedCrc32c } from './crc32c.ts'

const { root } = protobuf.parse(
  `syntax = "proto3";
  message Event { double wall_time = 1; int64 step = 2; oneof what { string file_version = 3; Summary summary = 5; } }
  message Summary { repeated Value value = 1; }
  message Value { string tag = 1; oneof value { float simple_value = 2; Tensor tensor = 8; } Metadata metadata = 9; }
  message Tensor { int32 dtype = 1; Shape tensor_shape = 2; }
  message Shape { repeated Dim dim = 2; }
  message Dim { int64 size = 1; }
  message Metadata { PluginData plugin_data = 1; }
  message PluginData { string plugin_name = 1; bytes content = 2; }
  `,
  { keepCase: true },
)
const Event = root.lookupType('Event')

/** A named number at a step; `at` in milliseconds since 1970-01-01T00:00Z. */
export interface ScalarPoint {
  readonly tag: string
  readonly step: number
  readonly at: number
  readonly value: number
}

/** The first record of every event file. */
export function headerRecord(at: number): Uint8Array {
  return record({ wall_time: at / 1000, file_version: 'brain.Event:2' })
}

export function scalarRecord({ tag, step, at, value }: ScalarPoint): Uint8Array {
  return record({ wall_time: at / 1000, step, summary: { value: [{ tag, simple_value: value }] } })
}

/** Bytes for a plug-in of TensorBoard, under its own tag. The empty tensor is what its loaders want to see beside them. */
export function pluginRecord(plugin: string, tag: string, content: Uint8Array, at: number): Uint8Array {
  const floats = 1
  const tensor = { dtype: floats, tensor_shape: { dim: [{ size: 0 }] } }
  const metadata = { plugin_data: { plugin_name: plugin, content } }
  return record({ wall_time: at / 1000, summary: { value: [{ tag, tensor, metadata }] } })
}

/** Length (uint64), its checksum, the data, its checksum; all little-endian. */
function record(event: Record<string, unknown>): Uint8Array {
  const data = Event.encode(Event.create(event)).finish()
  const framed = new Uint8Array(data.length + 16)
  const view = new DataView(framed.buffer)
  view.setBigUint64(0, BigInt(data.length), true)
  view.setUint32(8, maskedCrc32c(framed.subarray(0, 8)), true)
  framed.set(data, 12)
  view.setUint32(12 + data.length, maskedCrc32c(data), true)
  return framed
}
