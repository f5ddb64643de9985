/** The words of maggy. One file a conversation; protocol/README.md is made from them. */
export { AblationObservation, observeAblation, openAblation, Removal, suggestRemovals } from './ablate.ts'
export {
  Ablated,
  Choice,
  Component,
  Impossible,
  LayerChoice,
  LayerRef,
  LayersGraph,
  Selection,
  Study,
} from './ablation.ts'
export { ActorInfo, announceActor, callActors, ServedName } from './actors.ts'
export {
  artifactBytesAtMost,
  ArtifactKind,
  artifactNamePattern,
  artifactPart,
  artifactsAtMost,
  writeArtifact,
} from './artifact.ts'
export { AskedChange, Change, changeExperiment, pauseExperiment } from './change.ts'
export { bytesOf, decode, encode, float32From, withList } from './codec.ts'
export {
  Bytes,
  Count,
  HparamValue,
  Hparams,
  Id,
  Instant,
  MetricPoint,
  Metrics,
  Name,
  own,
  ProblemSchema,
  Scalar,
  sentenceAtMost,
} from './common.ts'
export {
  AblationContext,
  Context,
  Direction,
  Limit,
  Objective,
  OptimizationContext,
  Plugin,
  Policy,
  Resources,
  RingSettings,
  StopRule,
  TrainingContext,
} from './context.ts'
export {
  answererOf,
  anyVersion,
  check,
  decodePayload,
  encodePayload,
  paramsFrom,
  roles,
  subjectFor,
  subjectTo,
  version,
  within,
  errorBytes,
  type Call,
  type Conversation,
  type Message,
  type Params,
  type ParamsOf,
  type PayloadOf,
  type ReplyOf,
  type Role,
} from './conversation.ts'
export { chapters, conversations, type Chapter } from './conversations.ts'
export {
  announce,
  attemptKey,
  AttemptRef,
  beat,
  claimedSlotsAtMost,
  claimedWorkersAtMost,
  claims,
  claimsAtMost,
  driverBeat,
  driverPing,
  lease,
  leave,
  namesake,
  ping,
  release,
  rollCall,
  SlotStatus,
  WorkerInfo,
  WorkerStatus,
  type Capability,
  unacknowledgedAtMost,
} from './discovery.ts'
export type { ErrorEntry } from './error-table.ts'
export {
  clipped,
  codeOf,
  describe,
  errorTable,
  isProblem,
  MaggyError,
  problem,
  RemoteError,
  systemProblem,
  toProblem,
  toTold,
  type Details,
  type ErrorCode,
  type Problem,
} from './errors.ts'
export {
  Bundle,
  Counts,
  handOver,
  passOn,
  progress,
  Provenance,
  resumeExperiment,
  RingStanding,
  signExperiment,
  stopExperiment,
  Submission,
  submit,
} from './experiment.ts'
export {
  annotateArchived,
  annotateExperiment,
  pinnedTag,
  readSource,
  remarksAtMost,
  removeArchived,
  tagPattern,
  tagsAtMost,
} from './keeping.ts'
export { Conclusion, log, LogEvent, type PrunerState, Seen } from './log.ts'
export {
  Chunk,
  chunk,
  ChunkPhase,
  fetchShard,
  formRing,
  joinRing,
  leaveRing,
  probeMember,
  recallRing,
  RingAlgorithm,
  RingEncoding,
  RingHolding,
  RingMember,
  RingPlan,
  ringProgress,
  RingTiming,
  shard,
  startRing,
  suspectMember,
} from './ring.ts'
export { Condition, Constraint, mostParameters, Parameter, SearchSpace } from './space.ts'
export { PublicKey, Signature } from './signature.ts'
export { canonical, Signed, statementOf, Terms, termsOf, type Signable } from './signing.ts'
export { faultInName, namesAtMost } from './names.ts'
export { judge, JudgedTrial } from './prune.ts'
export {
  allPermissions,
  inboxOf,
  ownName,
  permissionsOf,
  roleLimits,
  servedName,
  type Permissions,
} from './permissions.ts'
export { checkBundle, partBytes, readBundle, readCheckpoint, readRecorded, writeCheckpoint } from './store.ts'
export {
  buckets,
  bundleBucket,
  checkpointBucket,
  checkpointName,
  ringCheckpointName,
  ringName,
  streamOfBucket,
  streams,
  type BucketDefinition,
  type StreamDefinition,
  type StreamName,
} from './streams.ts'
export { builtinOptimizers, Fidelity, firstEarlierTrial, observe, Observation, open, suggest } from './suggest.ts'
export { suggestionsAtMost } from './suggesting.ts'
export {
  assign,
  assignSeveral,
  Assignment,
  AttemptOutcome,
  done,
  doneSeveral,
  metrics,
  output,
  RingSeat,
  runnerBeat,
  runnerNotice,
  runnerStop,
  started,
  StopReason,
  severalAtMost,
  stopTrial,
} from './trial.ts'
