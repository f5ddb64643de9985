/** Every conversation there is, in the order in which the reference tells them. A new one joins its list here. */
import { announceActor, callActors } from './actors.ts'
import { artifactPart, writeArtifact } from './artifact.ts'
import { observeAblation, openAblation, suggestRemovals } from './ablate.ts'
import type { Conversation } from './conversation.ts'
import {
  announce,
  beat,
  claims,
  driverBeat,
  driverPing,
  lease,
  leave,
  namesake,
  ping,
  release,
  rollCall,
} from './discovery.ts'
import { changeExperiment, pauseExperiment } from './change.ts'
import { handOver, passOn, progress, resumeExperiment, signExperiment, stopExperiment, submit } from './experiment.ts'
import { annotateArchived, annotateExperiment, readSource, removeArchived } from './keeping.ts'
import { log } from './log.ts'
import { judge } from './prune.ts'
import {
  chunk,
  fetchShard,
  formRing,
  joinRing,
  leaveRing,
  probeMember,
  recallRing,
  ringProgress,
  shard,
  startRing,
  suspectMember,
} from './ring.ts'
import { checkBundle, readBundle, readCheckpoint, readRecorded, writeCheckpoint } from './store.ts'
import { observe, open, suggest } from './suggest.ts'
import {
  assign,
  assignSeveral,
  done,
  doneSeveral,
  metrics,
  output,
  runnerBeat,
  runnerNotice,
  runnerStop,
  started,
  stopTrial,
} from './trial.ts'

export interface Chapter {
  readonly title: string
  readonly file: string
  readonly conversations: readonly Conversation[]
}

export const chapters: readonly Chapter[] = [
  {
    title: 'Experiments',
    file: 'experiment.ts',
    conversations: [
      submit,
      passOn,
      handOver,
      stopExperiment,
      pauseExperiment,
      changeExperiment,
      resumeExperiment,
      signExperiment,
      progress,
    ],
  },
  {
    title: 'Discovery and leases',
    file: 'discovery.ts',
    conversations: [announce, beat, leave, namesake, rollCall, driverBeat, driverPing, claims, lease, release, ping],
  },
  { title: 'Who is there', file: 'actors.ts', conversations: [callActors, announceActor] },
  {
    title: 'Trials',
    file: 'trial.ts',
    conversations: [
      assign,
      assignSeveral,
      started,
      metrics,
      output,
      done,
      doneSeveral,
      stopTrial,
      runnerBeat,
      runnerStop,
      runnerNotice,
    ],
  },
  { title: 'Optimizers', file: 'suggest.ts', conversations: [open, suggest, observe] },
  { title: 'Pruners', file: 'prune.ts', conversations: [judge] },
  { title: 'Ablators', file: 'ablate.ts', conversations: [openAblation, suggestRemovals, observeAblation] },
  {
    title: 'Rings',
    file: 'ring.ts',
    conversations: [
      joinRing,
      formRing,
      startRing,
      suspectMember,
      leaveRing,
      ringProgress,
      chunk,
      shard,
      fetchShard,
      probeMember,
      recallRing,
    ],
  },
  {
    title: 'The store',
    file: 'store.ts',
    conversations: [checkBundle, readBundle, writeCheckpoint, readCheckpoint, readRecorded],
  },
  { title: 'Artifacts', file: 'artifact.ts', conversations: [writeArtifact, artifactPart] },
  { title: 'The log', file: 'log.ts', conversations: [log] },
  {
    title: 'Keeping experiments',
    file: 'keeping.ts',
    conversations: [annotateExperiment, annotateArchived, removeArchived, readSource],
  },
]

export const conversations: readonly Conversation[] = chapters.flatMap((chapter) => chapter.conversations)
