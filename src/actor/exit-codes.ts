/** The exit codes of every command of maggy and of every actor. 69 and 70 are those of sysexits.h; after a signal, 128 + its number. */
export const exitCodes = {
  done: 0,
  /** It could not be done: the experiment failed, a part is missing, nats-server ended. */
  failed: 1,
  /** The input cannot be used: the command line, the module or the context. */
  usage: 2,
  /** No server, or one that cannot be used. */
  unavailable: 69,
  /** A fault of maggy, or of an actor of one's own. */
  internal: 70,
  interrupted: 130,
  /** Nobody reads its output any more (128 + SIGPIPE). */
  unread: 141,
  terminated: 143,
} as const

const usage = new Set([
  'AUTHORITY_INVALID',
  'BOARD_PORT_IN_USE',
  'BUS_DATA_ALONE',
  'BUS_DATA_CLUSTERED',
  'BUS_PEER_PORT_IN_USE',
  'BUS_PORT_IN_USE',
  'CONTEXT_INVALID',
  'CREDENTIALS_INVALID',
  'CONTEXT_UNKNOWN',
  'EXPERIMENT_EXISTS',
  'EXPERIMENT_INVALID',
  'EXPERIMENT_NOT_EXPORTED',
  'EXPERIMENT_UNKNOWN',
  'HPARAMS_INVALID',
  'IDENTITY_DIFFERS',
  'KEY_REFUSED',
  'METRICS_PORT_UNUSABLE',
  'MODULE_NOT_COMPILED',
  'MODULE_NOT_FOUND',
  'MODULE_NOT_LOADED',
  'OPTION_INVALID',
  'ABLATOR_UNFIT',
  'OPTIMIZER_UNFIT',
  'PRUNER_UNKNOWN',
  'SPACE_INVALID',
  'STUDY_INVALID',
  'TOKEN_FILE_MISSING',
  'TRIALS_TOO_FEW',
  'TRUST_REFUSED',
])

/** Somebody's actor gave an answer that is none. */
const faulty = new Set([
  'INTERNAL',
  'ABLATOR_MISBEHAVED',
  'ANSWER_INVALID',
  'OPTIMIZER_MISBEHAVED',
  'PRUNER_MISBEHAVED',
])

/** The exit code for an error's code. */
export function exitCodeFor(code: string): number {
  if (usage.has(code)) return exitCodes.usage
  if (faulty.has(code)) return exitCodes.internal
  return code.startsWith('BUS_') ? exitCodes.unavailable : exitCodes.failed
}
