/** Messages that TensorBoard's hparams plug-in reads. Field numbers: tensorboard/plugins/hparams/api.proto and plugin_data.proto. */
import protobuf from 'protobufjs'
import type { HparamValue, Hparams, Objective } from '../../protocol/index.ts'
import { pluginRecord } from './event-file.ts'
import type { TrialState } from '../history/index.ts'

const { root } = protobuf.parse(
  `syntax = "proto3";
  message PluginData { int32 version = 1; oneof data { Experiment experiment = 2; Start session_start_info = 3; End session_end_info = 4; } }
  message Experiment { string name = 6; double time_created_secs = 3; repeated HParamInfo hparam_infos = 4; repeated MetricInfo metric_infos = 5; }
  message HParamInfo { string name = 1; int32 type = 4; }
  message MetricInfo { MetricName name = 1; }
  message MetricName { string group = 1; string tag = 2; }
  message Start { map<string, Value> hparams = 1; string group_name = 4; double start_time_secs = 5; }
  message End { int32 status = 1; double end_time_secs = 2; }
  message Value { oneof kind { double number_value = 2; string string_value = 3; bool bool_value = 4; } }
  `,
  { keepCase: true },
)
const PluginData = root.lookupType('PluginData')

const dataType = { string: 1, bool: 2, float64: 3 }
const status = { unknown: 0, success: 1, failure: 2, running: 3 }

/** Names the hparams and the metrics of an experiment: the record at the root of the log directory. */
export function experimentRecord(
  name: string,
  trials: readonly { readonly hparams: Hparams }[],
  objectives: readonly Objective[],
  at: number,
): Uint8Array {
  const types = new Map<string, number>()
  for (const { hparams } of trials) {
    for (const [key, value] of Object.entries(hparams)) {
      const type = typeOf(value)
      types.set(key, (types.get(key) ?? type) === type ? type : dataType.string)
    }
  }
  const experiment = {
    name,
    time_created_secs: at / 1000,
    hparam_infos: [...types].map(([name, type]) => ({ name, type })),
    metric_infos: objectives.map(({ metric }) => ({ name: { tag: metric } })),
  }
  return plugin('experiment', { experiment }, at)
}

export function sessionStartRecord(hparams: Hparams, group: string, at: number): Uint8Array {
  const values = Object.fromEntries(Object.entries(hparams).map(([key, value]) => [key, valueOf(value)]))
  return plugin('session_start_info', { hparams: values, group_name: group, start_time_secs: at / 1000 }, at)
}

export function sessionEndRecord(state: TrialState, at: number): Uint8Array {
  const code =
    state === 'done' || state === 'pruned'
      ? status.success
      : state === 'failed'
        ? status.failure
        : state === 'running'
          ? status.running
          : status.unknown
  return plugin('session_end_info', { status: code, end_time_secs: at / 1000 }, at)
}

function plugin(kind: 'experiment' | 'session_start_info' | 'session_end_info', data: object, at: number): Uint8Array {
  const body = kind === 'experiment' ? data : { [kind]: data }
  const content = PluginData.encode(PluginData.create({ version: 0, ...body })).finish()
  return pluginRecord('hparams', `_hparams_/${kind}`, content, at)
}

function typeOf(value: HparamValue): number {
  return typeof value === 'number' ? dataType.float64 : typeof value === 'boolean' ? dataType.bool : dataType.string
}

function valueOf(value: HparamValue): object {
  if (typeof value === 'number') return { number_value: value }
  if (typeof value === 'boolean') return { bool_value: value }
  return { string_value: typeof value === 'string' ? value : JSON.stringify(value) }
}
