/** The runner's machine leaves these to runner.ts; beside them it asks for its turn, and passes it. */
export const runnerEffects = [
  'spawn',
  'begin',
  'stop',
  'leave',
  'kill',
  'settle',
  'tellStarted',
  'tellEnded',
  'tellWarm',
  'tellUnfit',
  'tellIdleDeath',
  'refuse',
] as const
